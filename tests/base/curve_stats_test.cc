#include "base/curve_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace metastep {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;

// Off the mean of 3 by -2, 0 and 2: the sample variance is 8 / 2.
TEST(CurveStatsTest, DeviationIsThatOfASample) {
  const std::vector<std::vector<double>> curves = {{1, 5}, {3, 5}, {5, 5}};
  const CurveStats stats = StatsOf(curves);
  EXPECT_THAT(stats.mean, ElementsAre(DoubleEq(3), DoubleEq(5)));
  EXPECT_THAT(stats.deviation, ElementsAre(DoubleEq(2), DoubleEq(0)));
}

TEST(CurveStatsTest, OneTaskHasNoDeviation) {
  const std::vector<std::vector<double>> curves = {{1, 5}};
  EXPECT_THAT(StatsOf(curves).deviation, ElementsAre(0, 0));
}

}  // namespace
}  // namespace metastep
