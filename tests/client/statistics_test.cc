#include "client/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace metastep {
namespace {

// {1, 2, 3, 4}: variance 5/3, so 3.182 * sqrt(5/3 / 4) = 2.0540.
TEST(StatisticsTest, IntervalIsStudents) {
  EXPECT_EQ(Mean({1, 2, 3, 4}), 2.5);
  EXPECT_NEAR(HalfWidth95({1, 2, 3, 4}), 2.0540, 1e-4);
}

TEST(StatisticsTest, TrailingMeansBeginWithWhatThereIs) {
  EXPECT_EQ(TrailingMeans({1, 3, 5, 11}, 2), (std::vector<double>{1, 2, 4, 8}));
  EXPECT_EQ(TrailingMeans({1, 3}, 1), (std::vector<double>{1, 3}));
}

TEST(StatisticsTest, OneValueSaysNothingOfTheMean) {
  EXPECT_TRUE(std::isinf(HalfWidth95({1})));
}

// Values +1 and -1 in equal numbers: the half width over sqrt(1 / (n - 1)) is
// the quantile. t(31) = 2.0395, t(99) = 1.9842.
TEST(StatisticsTest, QuantileIsRightBeyondTheTable) {
  for (const auto& [n, quantile] : {std::pair(32, 2.0395), {100, 1.9842}}) {
    std::vector<double> values(n, 1.0);
    for (int i = 0; i < n / 2; ++i) values[i] = -1.0;
    EXPECT_NEAR(HalfWidth95(values) * std::sqrt(n - 1.0), quantile, 0.004);
  }
}

}  // namespace
}  // namespace metastep
