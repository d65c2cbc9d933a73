#include "optimizee/procedural_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/optimizee/testing.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Ge;
using testing::Le;
using testing::SizeIs;

TEST(ProceduralImagesTest, AreColoursOfEveryPixel) {
  EXPECT_THAT(DrawScene({}, 16),
              AllOf(SizeIs(3 * 16 * 16), Each(AllOf(Ge(0.f), Le(1.f)))));
  EXPECT_THAT(DrawTexture(0, 16),
              AllOf(SizeIs(3 * 16 * 16), Each(AllOf(Ge(0.f), Le(1.f)))));
}

TEST(ProceduralImagesTest, AreFunctionsOfTheirKeys) {
  EXPECT_EQ(DrawScene({.lane = 1}, 16), DrawScene({.lane = 1}, 16));
  EXPECT_NE(DrawScene({.lane = 1}, 16), DrawScene({.lane = 2}, 16));
  EXPECT_EQ(DrawTexture(3, 16), DrawTexture(3, 16));
  EXPECT_NE(DrawTexture(3, 16), DrawTexture(4, 16));
}

// Four pixels of the larger scene are one of the smaller, but where an edge
// passes through: the edge of one disc crosses at most a sixth of the pixels.
TEST(ProceduralImagesTest, ASceneIsTheSameAtEverySize) {
  const auto small = DrawScene({.lane = 1}, 32);
  const auto large = DrawScene({.lane = 1}, 64);
  std::vector<float> mean(small.size());
  for (size_t i = 0; i < large.size(); ++i) {
    const size_t row = i / 64;  // of all three planes
    mean[row / 2 * 32 + i % 64 / 2] += large[i] / 4;
  }
  EXPECT_LT(RelativeError(mean, small), 0.02);
}

// A texture keeps its waves: the first pixels of a larger one are the smaller.
TEST(ProceduralImagesTest, ALargerTextureIsMoreOfIt) {
  const auto small = DrawTexture(1, 16);
  const auto large = DrawTexture(1, 32);
  for (size_t row = 0; row < 16; ++row) {
    for (size_t column = 0; column < 16; ++column) {
      ASSERT_EQ(large[row * 32 + column], small[row * 16 + column]);
    }
  }
}

}  // namespace
}  // namespace metastep
