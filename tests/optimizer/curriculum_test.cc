#include "optimizer/curriculum.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/text_format.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::Pair;

Curriculum Of(absl::string_view training) {
  v1::TrainingSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      std::string(training), &spec));
  return Curriculum(spec);
}

// (unroll, window) of rounds 0 to n - 1.
std::vector<std::pair<int64_t, int>> Places(const Curriculum& curriculum,
                                            int n) {
  std::vector<std::pair<int64_t, int>> places;
  for (int round = 0; round < n; ++round) {
    const RoundPlace place = curriculum.PlaceOf(round);
    places.emplace_back(place.unroll, place.window);
  }
  return places;
}

TEST(CurriculumTest, WithoutStagesUnrollsFollowOneAnother) {
  const Curriculum curriculum = Of("rounds: 3 unroll { horizon: 4 window: 2 }");
  // Past the end, too.
  EXPECT_THAT(
      Places(curriculum, 5),
      ElementsAre(Pair(0, 0), Pair(0, 1), Pair(1, 0), Pair(1, 1), Pair(2, 0)));
  EXPECT_EQ(curriculum.StageOf(7).horizon(), 4);
  EXPECT_EQ(curriculum.WindowsOf(7), 2);
}

// The first stage's second unroll has one of its two windows.
TEST(CurriculumTest, AStageBeginsWithAFreshUnroll) {
  const Curriculum curriculum = Of(R"(
      stages { rounds: 3 horizon: 4 window: 2 }
      stages { rounds: 1 horizon: 2 window: 2 }
      stages { rounds: 5 horizon: 9 window: 3 })");
  EXPECT_THAT(
      Places(curriculum, 9),
      ElementsAre(Pair(0, 0), Pair(0, 1), Pair(1, 0), Pair(2, 0), Pair(3, 0),
                  Pair(3, 1), Pair(3, 2), Pair(4, 0), Pair(4, 1)));
  std::vector<std::pair<int, int>> unrolls;  // horizon, windows
  for (int unroll = 0; unroll < 5; ++unroll) {
    unrolls.emplace_back(curriculum.StageOf(unroll).horizon(),
                         curriculum.WindowsOf(unroll));
  }
  EXPECT_THAT(unrolls, ElementsAre(Pair(4, 2), Pair(4, 2), Pair(2, 1),
                                   Pair(9, 3), Pair(9, 3)));
}

TEST(CurriculumTest, AStageTakesSecondDerivativesByItselfOrByTheUnroll) {
  const Curriculum own = Of(R"(
      stages { rounds: 1 horizon: 2 window: 2 }
      stages { rounds: 1 horizon: 2 window: 2 second_derivatives: true })");
  EXPECT_FALSE(own.StageOf(0).second_derivatives());
  EXPECT_TRUE(own.StageOf(1).second_derivatives());
  const Curriculum all = Of(R"(
      unroll { second_derivatives: true }
      stages { rounds: 1 horizon: 2 window: 2 })");
  EXPECT_TRUE(all.StageOf(0).second_derivatives());
}

}  // namespace
}  // namespace metastep
