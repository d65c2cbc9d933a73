#include "client/plot.h"

#include <cairo.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

cairo_status_t Take(void* from, unsigned char* bytes, unsigned length) {
  auto& left = *static_cast<absl::string_view*>(from);
  if (left.size() < length) return CAIRO_STATUS_READ_ERROR;
  std::memcpy(bytes, left.data(), length);
  left.remove_prefix(length);
  return CAIRO_STATUS_SUCCESS;
}

// A PNG's pixels. Not thread-safe.
class Picture {
 public:
  explicit Picture(absl::string_view png)
      : surface_(cairo_image_surface_create_from_png_stream(&Take, &png)) {}
  ~Picture() { cairo_surface_destroy(surface_); }
  Picture(const Picture&) = delete;
  Picture& operator=(const Picture&) = delete;

  bool ok() const {
    return cairo_surface_status(surface_) == CAIRO_STATUS_SUCCESS;
  }
  int width() const { return cairo_image_surface_get_width(surface_); }

  // 0xRRGGBB at a point in the picture's units.
  uint32_t At(double x, double y) const {
    const unsigned char* row =
        cairo_image_surface_get_data(surface_) +
        static_cast<int>(2 * y) * cairo_image_surface_get_stride(surface_);
    uint32_t pixel = 0;
    std::memcpy(&pixel, row + 4 * static_cast<int>(2 * x), 4);
    return pixel & 0xffffff;
  }

 private:
  cairo_surface_t* const surface_;
};

constexpr uint32_t kBlack = 0x000000;   // the first series
constexpr uint32_t kOrange = 0xe69e00;  // the second: .90, .62, 0 of 255
constexpr uint32_t kWhite = 0xffffff;

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
  const Picture picture(Png({{"x", {10, 10, 10}, {}}, {"y", {1, 1, 0.1}, {}}}));
  ASSERT_TRUE(picture.ok());
  EXPECT_EQ(picture.width(), 2 * 860);
  EXPECT_EQ(picture.At(250, 50), kBlack);
  EXPECT_EQ(picture.At(250, 255), kOrange);    // 1 at step 0.57
  EXPECT_EQ(picture.At(530, 357.5), kOrange);  // halfway in x and in log y
  EXPECT_EQ(picture.At(250, 300), kWhite);
}

// Steps 0 to 5 at x = 80, 200, ..., 680; the gap is from 200 to 440. 3 and 1
// are the values' range, so 1 is the bottom (460) and 5 the top (50).
TEST(PlotTest, LeavesAGapWhereAValueCannotBeDrawn) {
  const double inf = std::numeric_limits<double>::infinity();
  const Picture picture(Png({{"x", {5, 5, 5, 5, 5, 5}, {}},
                             {"y", {1.5, 1.5, inf, 1.5, 1.5, 1.5}, {}}}));
  ASSERT_TRUE(picture.ok());
  // The range is 1 to 5: log(1.5) / log(5) = 0.2519 of 410 units over 460.
  EXPECT_EQ(picture.At(150, 356.7), kOrange);
  EXPECT_NE(picture.At(280, 356.7), kOrange);
  EXPECT_NE(picture.At(360, 356.7), kOrange);
  EXPECT_EQ(picture.At(500, 356.7), kOrange);
}

// A fifth of black over white is 4/5 of 255 = 204. The upper half of the area,
// 1 to 10, is y 255 to 50; the band is 1 to 3 around 2: y 255 to 157.
TEST(PlotTest, DrawsABandAroundACurve) {
  const Picture picture(Png({{"x", {2, 2}, {1, 1}}, {"y", {0.1, 10}, {}}}));
  ASSERT_TRUE(picture.ok());
  constexpr uint32_t kFifthOfBlack = 0xcccccc;
  EXPECT_EQ(picture.At(250, 165), kFifthOfBlack);
  EXPECT_EQ(picture.At(250, 250), kFifthOfBlack);
  EXPECT_EQ(picture.At(250, 150), kWhite);
  EXPECT_EQ(picture.At(250, 262), kWhite);
}

TEST(PlotTest, DrawsAxesWithoutAnyPoint) {
  const Picture picture(Png({{"x", {0, -1}, {}}}));
  ASSERT_TRUE(picture.ok());
  EXPECT_NE(picture.At(80, 255), kWhite);
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
