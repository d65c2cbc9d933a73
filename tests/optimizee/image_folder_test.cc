#include "optimizee/image_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "tests/optimizee/image_writing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string GreyPng(uint8_t value) {
  return PngBytes(1, 1, PNG_FORMAT_GRAY, {value});
}

TEST(ImageFolderTest, ReadsPicturesInTheOrderOfTheirNames) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteFileAtomically(folder / "b.png", GreyPng(3)));
  ASSERT_OK(WriteFileAtomically(folder / "a.jpeg",
                                JpegBytes(1, 1, TJPF_GRAY, TJSAMP_GRAY, {2})));
  ASSERT_OK(WriteFileAtomically(folder / "A.PNG", GreyPng(1)));
  ASSERT_OK(WriteFileAtomically(folder / "README.txt", "not a picture"));
  ASSERT_OK_AND_ASSIGN(const ImageDataset images, ReadImageFolder(folder, 1));
  EXPECT_EQ(images.images, 3);
  EXPECT_EQ(images.rows, 1);
  EXPECT_EQ(images.columns, 1);
  EXPECT_THAT(images.labels, ElementsAre(0, 0, 0));
  EXPECT_THAT(images.pixels, ElementsAre(1, 1, 1, 2, 2, 2, 3, 3, 3));
}

TEST(ImageFolderTest, ScalesEveryPicture) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteFileAtomically(
      folder / "a.png", PngBytes(2, 2, PNG_FORMAT_GRAY, {10, 20, 30, 43})));
  // The mean, 25.75, rounded.
  ASSERT_OK_AND_ASSIGN(const ImageDataset images, ReadImageFolder(folder, 1));
  EXPECT_THAT(images.pixels, ElementsAre(26, 26, 26));
}

TEST(ImageFolderTest, ADamagedPictureIsNamed) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteFileAtomically(folder / "a.png", GreyPng(3)));
  ASSERT_OK(WriteFileAtomically(folder / "b.png", "no"));
  EXPECT_THAT(
      ReadImageFolder(folder, 1),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("b.png: expected")));
}

TEST(ImageFolderTest, AFolderWithoutPicturesIsNamed) {
  const auto folder = NewTestFolder();
  EXPECT_THAT(ReadImageFolder(folder / "nothing", 1),
              StatusIs(StatusCode::kNotFound,
                       HasSubstr((folder / "nothing").string())));
}

// A picture of side 8192 has 201,326,592 bytes of the 268,435,456. Two are
// refused before the first is read, which is none.
TEST(ImageFolderTest, TooManyPicturesAreRefusedUnread) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteFileAtomically(folder / "a.png", "no"));
  ASSERT_OK(WriteFileAtomically(folder / "b.png", "no"));
  EXPECT_THAT(ReadImageFolder(folder, 8192),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("has 2 pictures"),
                             HasSubstr("at most 1 are read"))));
}

}  // namespace
}  // namespace metastep
