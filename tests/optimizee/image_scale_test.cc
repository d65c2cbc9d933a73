#include "optimizee/image_scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::FloatNear;

// Greys of 255 parts: the three colours alike.
RgbImage Grey(int64_t width, int64_t height,
              const std::vector<uint8_t>& values) {
  RgbImage image = {width, height, {}};
  for (const uint8_t value : values) {
    image.pixels.insert(image.pixels.end(), 3, value);
  }
  return image;
}

// The first of the three planes, in parts of 255.
std::vector<float> ScaledRed(const RgbImage& image, int64_t side) {
  const std::vector<float> scaled = CropAndScale(image, side);
  EXPECT_EQ(scaled.size(), static_cast<size_t>(3 * side * side));
  std::vector<float> red;
  for (int64_t i = 0; i < side * side; ++i) red.push_back(255 * scaled[i]);
  return red;
}

auto Near(float value) { return FloatNear(value, 1e-4f); }

TEST(CropAndScaleTest, PutsOneColourAfterAnother) {
  const RgbImage image = {1, 1, {255, 51, 0}};
  EXPECT_THAT(CropAndScale(image, 1), ElementsAre(1, 0.2f, 0));
}

// Of five columns the middle two (one is left over at the right), of three rows
// likewise the first two.
TEST(CropAndScaleTest, TakesTheSquareInTheMiddle) {
  EXPECT_THAT(ScaledRed(Grey(5, 2,
                             {9, 1, 2, 9, 9,  //
                              9, 3, 4, 9, 9}),
                        2),
              ElementsAre(Near(1), Near(2), Near(3), Near(4)));
  EXPECT_THAT(ScaledRed(Grey(2, 3, {1, 2, 3, 4, 9, 9}), 2),
              ElementsAre(Near(1), Near(2), Near(3), Near(4)));
}

TEST(CropAndScaleTest, AveragesWholePixels) {
  EXPECT_THAT(ScaledRed(Grey(4, 4,
                             {0, 4, 8, 8,   //
                              8, 4, 8, 8,   //
                              0, 0, 10, 0,  //
                              0, 0, 0, 30}),
                        2),
              ElementsAre(Near(4), Near(8), Near(0), Near(10)));
}

// A pixel of two covers one and a half of three: two thirds of it are the outer
// one, a third the middle one, in rows and columns alike. So the corner's 90
// counts by 4/9, which is 40, in one pixel, and the middle's by 1/9, which is
// 10, in all.
TEST(CropAndScaleTest, AveragesPartsOfPixels) {
  EXPECT_THAT(ScaledRed(Grey(3, 3,
                             {90, 0, 0,  //
                              0, 90, 0,  //
                              0, 0, 0}),
                        2),
              ElementsAre(Near(50), Near(10), Near(10), Near(10)));
}

// Four pixels' centres lie at -0.25, 0.25, 0.75 and 1.25 of two pixels'.
TEST(CropAndScaleTest, InterpolatesWhatIsTooSmall) {
  const std::vector<float> red = ScaledRed(Grey(2, 2, {0, 80, 0, 80}), 4);
  const std::vector<float> first(red.begin(), red.begin() + 4);
  EXPECT_THAT(first, ElementsAre(Near(0), Near(20), Near(60), Near(80)));
  const std::vector<float> turned = ScaledRed(Grey(2, 2, {0, 0, 80, 80}), 4);
  EXPECT_NEAR(turned[4], 20, 1e-4);
  EXPECT_NEAR(turned[8], 60, 1e-4);
}

// No size makes a flat picture anything else, whatever is rounded.
TEST(CropAndScaleTest, FlatStaysFlat) {
  for (const int64_t from : {1, 7, 31, 100}) {
    for (const int64_t to : {1, 3, 16, 64}) {
      const auto image =
          Grey(from, from, std::vector<uint8_t>(from * from, 100));
      EXPECT_THAT(ScaledRed(image, to), testing::Each(Near(100)))
          << from << " to " << to;
    }
  }
}

}  // namespace
}  // namespace metastep
