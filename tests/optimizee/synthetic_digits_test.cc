#include "optimizee/synthetic_digits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using testing::ElementsAreArray;

TEST(SyntheticDigitsTest, WritesBothSplits) {
  const auto folder = NewTestFolder() / "mnist";
  ASSERT_OK(WriteSyntheticDigits(
      folder, {.training_images = 30, .test_images = 20, .seed = 1}));
  ASSERT_OK_AND_ASSIGN(const ImageDataset training,
                       ReadImageDataset(folder, kTrainingSplit));
  ASSERT_OK_AND_ASSIGN(const ImageDataset test,
                       ReadImageDataset(folder, kTestSplit));
  EXPECT_EQ(training.images, 30);
  EXPECT_EQ(training.rows, 28);
  EXPECT_EQ(training.columns, 28);
  EXPECT_EQ(test.images, 20);
  EXPECT_NE(std::vector(training.labels.begin(), training.labels.begin() + 20),
            test.labels);
}

TEST(SyntheticDigitsTest, AnImageIsAFunctionOfSeedAndPlace) {
  const auto few = MakeSyntheticDigits(/*seed=*/1, /*split=*/0, /*images=*/5);
  const auto more = MakeSyntheticDigits(1, 0, 10);
  const auto other = MakeSyntheticDigits(2, 0, 5);
  EXPECT_THAT(absl::MakeSpan(more.pixels).first(few.pixels.size()),
              ElementsAreArray(few.pixels));
  EXPECT_NE(other.pixels, few.pixels);
}

// 500 labels, each with probability 1/10: 50 +- sqrt(500 * .1 * .9) = 6.7.
TEST(SyntheticDigitsTest, DigitsAreEquallyFrequent) {
  const auto digits = MakeSyntheticDigits(1, 0, 500);
  for (uint8_t digit = 0; digit < kImageClasses; ++digit) {
    EXPECT_NEAR(std::ranges::count(digits.labels, digit), 50, 5 * 6.7)
        << int{digit};
  }
}

// MNIST's mean pixel is 33 of 255; strokes and noise give something like it.
TEST(SyntheticDigitsTest, PaperIsDarkAndStrokesAreBright) {
  const auto digits = MakeSyntheticDigits(1, 0, 200);
  double sum = 0;
  for (const uint8_t pixel : digits.pixels) sum += pixel;
  EXPECT_NEAR(sum / static_cast<double>(digits.pixels.size()), 33, 15);
  for (size_t i = 0; i < digits.labels.size(); ++i) {
    const auto image = absl::MakeSpan(digits.pixels).subspan(i * 784, 784);
    EXPECT_GT(*std::ranges::max_element(image), 200) << i;
  }
}

}  // namespace
}  // namespace metastep
