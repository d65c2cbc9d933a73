#include "client/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/client/cairo_image.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

constexpr uint32_t kBlack = 0x000000;   // the first series
constexpr uint32_t kOrange = 0xe69e00;  // the second: .90, .62, 0 of 255
constexpr uint32_t kWhite = 0xffffff;

// 0xRRGGBB at a point in the picture's units, of two pixels each.
uint32_t At(const PngImage& picture, double x, double y) {
  return picture.At(static_cast<int>(2 * x), static_cast<int>(2 * y));
}

std::string Png(const std::vector<PlotSeries>& series) {
  const auto png =
      RenderPlot({"title", "step", "loss", series}, PlotFormat::kPng);
  return png.ok() ? *png : std::string();
}

TEST(PlotTest, FormatIsTheExtensions) {
  EXPECT_THAT(PlotFormatOf("a.svg/b.png"), IsOkAndHolds(PlotFormat::kPng));
  EXPECT_THAT(PlotFormatOf("b.SVG"), IsOkAndHolds(PlotFormat::kSvg));
  EXPECT_THAT(PlotFormatOf("b.pdf"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("b.pdf")));
}

// The plot's area is x 80 to 680 and y 460 (0.1) to 50 (10): one decade is 205
// units.
TEST(PlotTest, PutsPointsOnALogarithmicAxis) {
  const PngImage picture(
      Png({{"x", {10, 10, 10}, {}}, {"y", {1, 1, 0.1}, {}}}));
  ASSERT_TRUE(picture.ok());
  EXPECT_EQ(picture.width(), 2 * 860);
  EXPECT_EQ(At(picture, 250, 50), kBlack);
  EXPECT_EQ(At(picture, 250, 255), kOrange);    // 1 at step 0.57
  EXPECT_EQ(At(picture, 530, 357.5), kOrange);  // halfway in x and in log y
  EXPECT_EQ(At(picture, 250, 300), kWhite);
}

// Steps 0 to 5 at x = 80, 200, ..., 680; the gap is from 200 to 440. 3 and 1
// are the values' range, so 1 is the bottom (460) and 5 the top (50).
TEST(PlotTest, LeavesAGapWhereAValueCannotBeDrawn) {
  const double inf = std::numeric_limits<double>::infinity();
  const PngImage picture(Png({{"x", {5, 5, 5, 5, 5, 5}, {}},
                              {"y", {1.5, 1.5, inf, 1.5, 1.5, 1.5}, {}}}));
  ASSERT_TRUE(picture.ok());
  // The range is 1 to 5: log(1.5) / log(5) = 0.2519 of 410 units over 460.
  EXPECT_EQ(At(picture, 150, 356.7), kOrange);
  EXPECT_NE(At(picture, 280, 356.7), kOrange);
  EXPECT_NE(At(picture, 360, 356.7), kOrange);
  EXPECT_EQ(At(picture, 500, 356.7), kOrange);
}

// A fifth of black over white is 4/5 of 255 = 204. The upper half of the area,
// 1 to 10, is y 255 to 50; the band is 1 to 3 around 2: y 255 to 157.
TEST(PlotTest, DrawsABandAroundACurve) {
  const PngImage picture(Png({{"x", {2, 2}, {1, 1}}, {"y", {0.1, 10}, {}}}));
  ASSERT_TRUE(picture.ok());
  constexpr uint32_t kFifthOfBlack = 0xcccccc;
  EXPECT_EQ(At(picture, 250, 165), kFifthOfBlack);
  EXPECT_EQ(At(picture, 250, 250), kFifthOfBlack);
  EXPECT_EQ(At(picture, 250, 150), kWhite);
  EXPECT_EQ(At(picture, 250, 262), kWhite);
}

TEST(PlotTest, DrawsAxesWithoutAnyPoint) {
  const PngImage picture(Png({{"x", {0, -1}, {}}}));
  ASSERT_TRUE(picture.ok());
  EXPECT_NE(At(picture, 80, 255), kWhite);
}

TEST(PlotTest, SvgIsThinned) {
  const Plot plot = {
      "", "", "", {{"x", std::vector<double>(100'000, 1.0), {}}}};
  ASSERT_OK_AND_ASSIGN(const std::string svg,
                       RenderPlot(plot, PlotFormat::kSvg));
  EXPECT_THAT(svg, HasSubstr("<svg"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_LT(svg.size(), 100'000u);
}

}  // namespace
}  // namespace metastep
