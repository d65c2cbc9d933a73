#include "optimizee/synthetic_pictures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "absl/types/span.h"

namespace metastep {
namespace {

using testing::ElementsAreArray;

constexpr size_t kPixels = 3 * 32 * 32;

TEST(SyntheticPicturesTest, APictureIsAFunctionOfSeedAndPlace) {
  const auto few = MakeSyntheticPictures(/*seed=*/1, /*images=*/5);
  const auto more = MakeSyntheticPictures(1, 10);
  EXPECT_EQ(few.pixels.size(), 5 * kPixels);
  EXPECT_THAT(absl::MakeSpan(more.pixels).first(few.pixels.size()),
              ElementsAreArray(few.pixels));
  EXPECT_NE(MakeSyntheticPictures(2, 5).pixels, few.pixels);
}

// 500 labels, each with probability 1/10: 50 +- sqrt(500 * .1 * .9) = 6.7.
TEST(SyntheticPicturesTest, ClassesAreEquallyFrequent) {
  const auto pictures = MakeSyntheticPictures(1, 500);
  for (uint8_t label = 0; label < 10; ++label) {
    EXPECT_NEAR(std::ranges::count(pictures.labels, label), 50, 5 * 6.7);
  }
}

// Mean of |difference of neighbours| over the red plane, down (of rows) or
// across.
double Roughness(absl::Span<const uint8_t> picture, int stride) {
  double sum = 0;
  for (int i = 0; i + stride < 1024; ++i) {
    sum += std::abs(int{picture[i]} - int{picture[i + stride]});
  }
  return sum;
}

// Label 0 has upright stripes, which change across; label 5 has them at
// 2/5 of a half turn, which change down the more.
TEST(SyntheticPicturesTest, ClassesDifferInTheStripesAngle) {
  const auto pictures = MakeSyntheticPictures(3, 400);
  double across[2] = {}, down[2] = {};
  for (size_t i = 0; i < 400; ++i) {
    if (pictures.labels[i] != 0 && pictures.labels[i] != 5) continue;
    const int which = pictures.labels[i] == 5;
    const auto picture =
        absl::MakeConstSpan(pictures.pixels).subspan(i * kPixels, kPixels);
    across[which] += Roughness(picture, 1);
    down[which] += Roughness(picture, 32);
  }
  EXPECT_GT(across[0], 1.1 * down[0]);
  EXPECT_GT(down[1], 1.1 * across[1]);
}

}  // namespace
}  // namespace metastep
