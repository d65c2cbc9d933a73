#include "optimizee/image_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::HasSubstr;

// Two images of 1 x 2 pixels.
const ImageDataset kDataset = {.images = 2,
                               .rows = 1,
                               .columns = 2,
                               .pixels = {1, 2, 3, 4},
                               .labels = {9, 0}};

TEST(ImageDatasetTest, WritesAndReadsBackEachSplit) {
  const auto folder = NewTestFolder();
  for (const auto split : {kTrainingSplit, kTestSplit}) {
    ASSERT_OK(WriteImageDataset(folder, split, kDataset));
    ASSERT_OK_AND_ASSIGN(const ImageDataset read,
                         ReadImageDataset(folder, split));
    EXPECT_EQ(read.images, 2);
    EXPECT_EQ(read.rows, 1);
    EXPECT_EQ(read.columns, 2);
    EXPECT_EQ(read.pixels, kDataset.pixels);
    EXPECT_EQ(read.labels, kDataset.labels);
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "train-images-idx3-ubyte"));
  EXPECT_TRUE(std::filesystem::exists(folder / "t10k-labels-idx1-ubyte"));
}

TEST(ImageDatasetTest, CountsMustAgree) {
  const auto folder = NewTestFolder();
  ImageDataset dataset = kDataset;
  dataset.labels = {9, 0};
  ASSERT_OK(WriteImageDataset(folder, kTrainingSplit, dataset));
  ASSERT_OK(WriteImageDataset(
      folder, kTestSplit,
      {.images = 1, .rows = 1, .columns = 1, .pixels = {1}, .labels = {3}}));
  std::filesystem::rename(folder / "t10k-labels-idx1-ubyte",
                          folder / "train-labels-idx1-ubyte");
  EXPECT_THAT(
      ReadImageDataset(folder, kTrainingSplit),
      StatusIs(StatusCode::kInvalidArgument,
               AllOf(HasSubstr("train-labels-idx1-ubyte"),
                     HasSubstr("expected 2 labels, one for each image, found "
                               "1"))));
}

TEST(ImageDatasetTest, LabelsMustBeClasses) {
  const auto folder = NewTestFolder();
  ImageDataset dataset = kDataset;
  dataset.labels = {9, 10};
  ASSERT_OK(WriteImageDataset(folder, kTrainingSplit, dataset));
  EXPECT_THAT(ReadImageDataset(folder, kTrainingSplit),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("train-labels-idx1-ubyte"),
                             HasSubstr("expected labels below 10, found 10 as "
                                       "label 1"))));
}

TEST(ImageDatasetTest, ImagesMustHavePixels) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteImageDataset(folder, kTrainingSplit,
                              {.images = 3,
                               .rows = 0,
                               .columns = 28,
                               .pixels = {},
                               .labels = {1, 2, 3}}));
  EXPECT_THAT(ReadImageDataset(folder, kTrainingSplit),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("expected images with pixels, found 3 images "
                                 "of 0 x 28")));
}

}  // namespace
}  // namespace metastep
