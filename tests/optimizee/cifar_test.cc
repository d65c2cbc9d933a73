#include "optimizee/cifar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr size_t kPixels = 3072;

// Images whose pixels are all the image's number.
ImageDataset Numbered(const std::vector<uint8_t>& labels) {
  ImageDataset dataset;
  dataset.images = static_cast<int64_t>(labels.size());
  dataset.rows = dataset.columns = 32;
  dataset.labels = labels;
  for (size_t i = 0; i < labels.size(); ++i) {
    dataset.pixels.insert(dataset.pixels.end(), kPixels,
                          static_cast<uint8_t>(i));
  }
  return dataset;
}

void WriteBytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A record is a label and then the pixels: the format's page says so.
TEST(CifarTest, AFileIsRecordsOfALabelAndPixels) {
  const auto folder = NewTestFolder();
  WriteBytes(folder / "data_batch_1.bin",
             "\x07" + std::string(kPixels, '\x01') + "\x02" +
                 std::string(kPixels, '\x09'));
  ASSERT_OK_AND_ASSIGN(const ImageDataset read, ReadCifar(folder));
  EXPECT_EQ(read.images, 2);
  EXPECT_THAT(read.labels, ElementsAre(7, 2));
  EXPECT_THAT(absl::MakeSpan(read.pixels).first(kPixels), Each(1));
  EXPECT_THAT(absl::MakeSpan(read.pixels).last(kPixels), Each(9));
}

TEST(CifarTest, WritesAndReadsBackSeveralFiles) {
  const auto folder = NewTestFolder();
  std::vector<uint8_t> labels(kCifarFileImages + 3, 4);
  labels.back() = 9;
  const ImageDataset written = Numbered(labels);
  ASSERT_OK(WriteCifar(folder, written));
  EXPECT_EQ(std::filesystem::file_size(folder / "data_batch_2.bin"), 3 * 3073);
  ASSERT_OK_AND_ASSIGN(const ImageDataset read, ReadCifar(folder));
  EXPECT_EQ(read.labels, written.labels);
  EXPECT_EQ(read.pixels, written.pixels);
}

TEST(CifarTest, NothingIsLeftOfALargerSetBefore) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteCifar(
      folder, Numbered(std::vector<uint8_t>(kCifarFileImages + 1, 4))));
  ASSERT_OK(WriteCifar(folder, Numbered({7, 2})));
  ASSERT_OK_AND_ASSIGN(const ImageDataset read, ReadCifar(folder));
  EXPECT_THAT(read.labels, ElementsAre(7, 2));
}

TEST(CifarTest, FilesThatAreNotThereAreLeftOut) {
  const auto folder = NewTestFolder();
  EXPECT_THAT(ReadCifar(folder),
              StatusIs(StatusCode::kNotFound,
                       AllOf(HasSubstr(folder.string()),
                             HasSubstr("expected this file or data_batch_2.bin "
                                       "to data_batch_5.bin"))));
  ASSERT_OK(WriteCifar(folder, Numbered({1, 2})));
  std::filesystem::rename(folder / "data_batch_1.bin",
                          folder / "data_batch_4.bin");
  EXPECT_EQ(ReadCifar(folder)->images, 2);
}

TEST(CifarTest, TruncatedEmptyAndTooLargeFilesAreRefused) {
  const auto folder = NewTestFolder();
  const auto path = folder / "data_batch_1.bin";
  WriteBytes(path, std::string(3072, '\0'));
  EXPECT_THAT(
      ReadCifar(folder),
      StatusIs(StatusCode::kInvalidArgument,
               AllOf(HasSubstr(path.string()), HasSubstr("found 3072 bytes"))));
  WriteBytes(path, "");
  EXPECT_THAT(ReadCifar(folder), StatusIs(StatusCode::kInvalidArgument,
                                          HasSubstr("found 0 bytes")));
  std::filesystem::resize_file(path, 10001 * 3073);
  EXPECT_THAT(ReadCifar(folder),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr(path.string())));
}

TEST(CifarTest, LabelsMustBeClasses) {
  const auto folder = NewTestFolder();
  ASSERT_OK(WriteCifar(folder, Numbered({3, 10})));
  EXPECT_THAT(ReadCifar(folder),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("expected labels below 10, found 10 as label "
                                 "1")));
}

TEST(CifarTest, SomeLabelsBecomeTheirPlaces) {
  const ImageDataset some = OfLabels(Numbered({3, 8, 5, 8}), {8, 3});
  EXPECT_EQ(some.images, 3);
  EXPECT_THAT(some.labels, ElementsAre(1, 0, 0));
  EXPECT_THAT(absl::MakeSpan(some.pixels).last(kPixels), Each(3));
}

}  // namespace
}  // namespace metastep
