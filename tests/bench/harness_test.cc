#include "bench/harness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace metastep {
namespace {

using ::testing::ElementsAre;

TEST(SamplesTest, MedianAndSpreadAreThoseOfTheSortedValues) {
  // Sorted: 1 2 4 8 16. Median 4; quartiles 2 and 8, so spread (8 - 2) / 4.
  const Samples samples{"x", "1/s", {8, 1, 16, 2, 4}};
  EXPECT_EQ(samples.Median(), 4);
  EXPECT_EQ(samples.Spread(), 1.5);
}

TEST(SamplesTest, MedianOfAnEvenNumberLiesBetweenTheTwoInTheMiddle) {
  EXPECT_EQ((Samples{"x", "1/s", {4, 1, 2, 8}}).Median(), 3);
}

TEST(RatioTest, IsTheMedianOfTheRoundsRatiosNotTheRatioOfMedians) {
  // The machine halves its speed in the first round: ratios 3, 3, 2. Medians
  // are 4 and 2, whose ratio is 2.
  const Samples a{"a", "1/s", {3, 6, 4}};
  const Samples b{"b", "1/s", {1, 2, 2}};
  EXPECT_EQ(Ratio(a, b), 3);
}

TEST(FastestTest, HasTheHighestMedian) {
  // Medians 2 and 3, though the first has the highest value.
  const std::vector<Samples> samples = {{"a", "1/s", {1, 2, 9}},
                                        {"b", "1/s", {3, 3, 3}}};
  EXPECT_EQ(Fastest(samples).what, "b");
}

TEST(InterleaveTest, MeasuresInTurnAndLeavesTheWarmUpOut) {
  std::string order;
  double calls = 0;
  const auto contender = [&](char name) {
    return Contender{std::string(1, name), "calls", [&order, &calls, name] {
                       order += name;
                       return ++calls;
                     }};
  };
  const auto samples = Interleave({contender('a'), contender('b')}, 2);
  ASSERT_TRUE(samples.ok());
  EXPECT_EQ(order, "ababab");
  EXPECT_THAT((*samples)[0].values, ElementsAre(3, 5));
  EXPECT_THAT((*samples)[1].values, ElementsAre(4, 6));
}

TEST(InterleaveTest, ReturnsAContendersError) {
  const Contender broken = {
      "broken", "1/s",
      [] { return absl::StatusOr<double>(absl::InternalError("no answer")); }};
  EXPECT_EQ(Interleave({broken}, 5).status(), absl::InternalError("no answer"));
}

}  // namespace
}  // namespace metastep
