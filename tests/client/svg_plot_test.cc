#include "client/svg_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stack>
#include <string>

namespace metastep {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

// True if the tags nest and every '<', '>' and '&' is part of markup.
bool IsWellFormed(const std::string& xml) {
  std::stack<std::string> open;
  size_t at = 0;
  while ((at = xml.find('<', at)) != std::string::npos) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    const std::string name = tag.substr(0, tag.find(' '));
    if (tag[0] == '/') {
      if (open.empty() || "/" + open.top() != tag) return false;
      open.pop();
    } else if (tag.back() != '/') {
      open.push(name);
    }
    at = end;
  }
  return open.empty() && Count(xml, "&") == Count(xml, "&amp;") +
                                                Count(xml, "&lt;") +
                                                Count(xml, "&gt;");
}

Plot TwoCurves() {
  return {"a < b & c",
          "step",
          "loss",
          {{"lstm", {10, 1, 0.1}}, {"adam", {10, 5, 2}}}};
}

TEST(SvgPlotTest, IsWellFormedAndHasEveryLabel) {
  const std::string svg = RenderSvg(TwoCurves());
  EXPECT_TRUE(IsWellFormed(svg)) << svg;
  EXPECT_THAT(svg, HasSubstr("a &lt; b &amp; c"));
  for (const char* label : {">step<", ">loss<", ">lstm<", ">adam<"}) {
    EXPECT_THAT(svg, HasSubstr(label));
  }
  EXPECT_EQ(Count(svg, "<polyline"), 2u);
}

// The plot's area is x 80 to 680 and y 460 (0.1) to 50 (10): one decade is 205
// pixels.
TEST(SvgPlotTest, PutsPointsOnALogarithmicAxis) {
  EXPECT_THAT(RenderSvg(TwoCurves()),
              HasSubstr("points=\"80.0,50.0 380.0,255.0 680.0,460.0 \""));
}

TEST(SvgPlotTest, LeavesAGapWhereAValueCannotBeDrawn) {
  const double inf = std::numeric_limits<double>::infinity();
  const Plot plot = {"", "", "", {{"x", {1, 2, inf, 3, 0, 4}}}};
  const std::string svg = RenderSvg(plot);
  EXPECT_EQ(Count(svg, "<polyline"), 3u);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(SvgPlotTest, DrawsAxesWithoutAnyPoint) {
  const std::string svg = RenderSvg({"", "", "", {{"x", {0, -1}}}});
  EXPECT_TRUE(IsWellFormed(svg));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(SvgPlotTest, LongCurvesAreThinned) {
  const Plot plot = {"", "", "", {{"x", std::vector<double>(100'000, 1.0)}}};
  EXPECT_LT(RenderSvg(plot).size(), 40'000u);
}

TEST(SvgPlotTest, RangeIsTheShortestOfOneTwoFiveThatEncloses) {
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

TEST(SvgPlotTest, TicksAreOneTwoFiveOverFewDecades) {
  EXPECT_THAT(LogTicks(EnclosingLogRange(0.2, 10)),
              Pointwise(DoubleEq(), {0.2, 0.5, 1.0, 2.0, 5.0, 10.0}));
}

TEST(SvgPlotTest, TicksArePowersOfTenOverMany) {
  EXPECT_THAT(LogTicks(EnclosingLogRange(2e-3, 20)),
              Pointwise(DoubleEq(), {1e-2, 1e-1, 1.0, 10.0}));
  // 18 decades: every third.
  EXPECT_THAT(
      LogTicks(EnclosingLogRange(1e-18, 1)),
      Pointwise(DoubleEq(), {1e-18, 1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0}));
}

TEST(SvgPlotTest, LinearTicksAreRound) {
  EXPECT_THAT(LinearTicks(100),
              ElementsAre(0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100));
  EXPECT_THAT(LinearTicks(7), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(LinearTicks(450),
              ElementsAre(0, 50, 100, 150, 200, 250, 300, 350, 400, 450));
}

}  // namespace
}  // namespace metastep
