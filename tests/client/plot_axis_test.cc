#include "client/plot_axis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metastep {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::Pointwise;

TEST(PlotAxisTest, RangeIsTheShortestOfOneTwoFiveThatEncloses) {
  const LogRange range = EnclosingLogRange(0.3, 11);
  EXPECT_DOUBLE_EQ(LogSeries(range.low), 0.2);
  EXPECT_DOUBLE_EQ(LogSeries(range.high), 20);
  const LogRange exact = EnclosingLogRange(0.5, 100);
  EXPECT_DOUBLE_EQ(LogSeries(exact.low), 0.5);
  EXPECT_DOUBLE_EQ(LogSeries(exact.high), 100);
  // A single value still gets an axis.
  const LogRange single = EnclosingLogRange(1, 1);
  EXPECT_DOUBLE_EQ(LogSeries(single.low), 1);
  EXPECT_DOUBLE_EQ(LogSeries(single.high), 2);
}

TEST(PlotAxisTest, TicksAreOneTwoFiveOverFewDecades) {
  EXPECT_THAT(LogTicks(EnclosingLogRange(0.2, 10)),
              Pointwise(DoubleEq(), {0.2, 0.5, 1.0, 2.0, 5.0, 10.0}));
}

TEST(PlotAxisTest, TicksArePowersOfTenOverMany) {
  EXPECT_THAT(LogTicks(EnclosingLogRange(2e-3, 20)),
              Pointwise(DoubleEq(), {1e-2, 1e-1, 1.0, 10.0}));
  // 18 decades: every third.
  EXPECT_THAT(
      LogTicks(EnclosingLogRange(1e-18, 1)),
      Pointwise(DoubleEq(), {1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0}));
}

TEST(PlotAxisTest, LinearTicksAreRound) {
  EXPECT_THAT(LinearTicks(100),
              ElementsAre(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100));
  EXPECT_THAT(LinearTicks(7), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(LinearTicks(450),
              ElementsAre(0, 50, 100, 150, 200, 250, 300, 350, 400, 450));
}

}  // namespace
}  // namespace metastep
