#include "client/picture_strip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "tests/client/cairo_image.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

// An image has two pixels a unit; a picture is 192 units wide, after 12 units
// of gap. So the n-th begins at pixel 24 + n * 408 of a row, and its label
// below row 24 + 384.
constexpr int kGap = 24;
constexpr int kSide = 384;
constexpr int kNext = kGap + kSide;

// Of four pixels, a quarter of the picture each: red, green, blue and white.
Picture Quarters() {
  return {"a", 2, {1, 0, 0, 1, /*green*/ 0, 1, 0, 1, /*blue*/ 0, 0, 1, 1}};
}

TEST(PictureStripTest, DrawsEachPixelAsASquare) {
  ASSERT_OK_AND_ASSIGN(const std::string png, RenderPictureStrip({Quarters()}));
  const PngImage image(png);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image.width(), kGap + kNext);
  // At the corners of the quarters, and so nowhere smoothed.
  const int begin = kGap, middle = kGap + kSide / 2, end = kGap + kSide - 1;
  EXPECT_EQ(image.At(begin, begin), 0xff0000u);
  EXPECT_EQ(image.At(middle - 1, middle - 1), 0xff0000u);
  EXPECT_EQ(image.At(middle, middle - 1), 0x00ff00u);
  EXPECT_EQ(image.At(middle - 1, middle), 0x0000ffu);
  EXPECT_EQ(image.At(end, end), 0xffffffu);
  EXPECT_EQ(image.At(begin - 1, begin), 0xffffffu);
}

// 0.2 is 51 of 255.
TEST(PictureStripTest, CutsValuesOffAtBlackAndWhite) {
  const Picture odd = {"", 1, {1.7f, -3.f, std::nanf("")}};
  const Picture grey = {"", 1, {0.2f, 0.2f, 0.2f}};
  ASSERT_OK_AND_ASSIGN(const std::string png, RenderPictureStrip({odd, grey}));
  const PngImage image(png);
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image.width(), kGap + 2 * kNext);
  EXPECT_EQ(image.At(kGap, kGap), 0xff0000u);
  EXPECT_EQ(image.At(kGap + kNext, kGap), 0x333333u);
}

// A label of any length stays below its picture.
TEST(PictureStripTest, WritesLabelsBelowThePictures) {
  Picture first = Quarters();
  first.label = std::string(200, 'm');
  Picture second = Quarters();
  second.label = "";
  ASSERT_OK_AND_ASSIGN(const std::string png,
                       RenderPictureStrip({first, second}));
  const PngImage image(png);
  ASSERT_TRUE(image.ok());
  const auto inked = [&](int left, int right) {
    for (int y = kGap + kSide; y < image.height(); ++y) {
      for (int x = left; x < right; ++x) {
        if (image.At(x, y) != 0xffffff) return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(inked(kGap, kGap + kSide));
  EXPECT_FALSE(inked(kGap + kSide, image.width()));
}

}  // namespace
}  // namespace metastep
