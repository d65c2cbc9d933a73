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

// Of n + 1 values with deviation sqrt(n + 1), the half width is the quantile
// for n degrees of freedom. Those of the NIST/SEMATECH e-Handbook of
// Statistical Methods, table 1.3.6.7.2.
TEST(StatisticsTest, QuantileIsRightBeyondTheTable) {
  for (const auto& [n, quantile] :
       {std::pair(31, 2.040), {40, 2.021}, {60, 2.000}, {100, 1.984}}) {
    EXPECT_NEAR(HalfWidth95(std::sqrt(n + 1.0), n + 1), quantile, 0.001);
  }
}

}  // namespace
}  // namespace metastep
