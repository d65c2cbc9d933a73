#include "optimizee/idx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::HasSubstr;

// Two images of 1 x 3 pixels.
const IdxArray kImages = {.shape = {2, 1, 3}, .values = {1, 2, 3, 4, 5, 255}};
constexpr size_t kHeaderBytes = 16;  // the magic number and three dimensions

class IdxTest : public testing::Test {
 protected:
  void Write(const std::string& bytes) {
    ASSERT_OK(WriteFileAtomically(path_, bytes));
  }

  // The file of kImages.
  std::string Bytes() {
    EXPECT_OK(WriteIdx(path_, kImages));
    return ReadFile(path_, 1000).value();
  }

  void WriteGzip(const std::string& bytes) {
    gzFile file = gzopen((path_.string() + ".gz").c_str(), "wb");
    ASSERT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())),
              static_cast<int>(bytes.size()));
    ASSERT_EQ(gzclose(file), Z_OK);
    std::filesystem::remove(path_);
  }

  const std::filesystem::path path_ = NewTestFolder() / "images";
};

// As http://yann.lecun.com/exdb/mnist describes the format.
TEST_F(IdxTest, WritesBigEndianHeaderThenValues) {
  EXPECT_EQ(Bytes(), std::string("\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\3"
                                 "\1\2\3\4\5\xff",
                                 22));
}

TEST_F(IdxTest, ReadsPlainAndGzipAlike) {
  const std::string bytes = Bytes();
  for (const bool gzip : {false, true}) {
    if (gzip) WriteGzip(bytes);
    ASSERT_OK_AND_ASSIGN(const IdxArray array, ReadIdx(path_, 3));
    EXPECT_EQ(array.shape, kImages.shape);
    EXPECT_EQ(array.values, kImages.values);
  }
}

TEST_F(IdxTest, MissingFileNamesBothThatWouldDo) {
  EXPECT_THAT(ReadIdx(path_, 3),
              StatusIs(StatusCode::kNotFound,
                       HasSubstr(path_.string() + ": expected this file or " +
                                 path_.string() + ".gz, found neither")));
}

TEST_F(IdxTest, WrongMagicNumber) {
  ASSERT_OK(WriteIdx(path_, {.shape = {2}, .values = {1, 2}}));
  EXPECT_THAT(ReadIdx(path_, 3),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(path_.string()),
                             HasSubstr("expected magic number 0x00000803"),
                             HasSubstr("found 0x00000801"))));
}

TEST_F(IdxTest, TruncatedAnywhere) {
  const std::string bytes = Bytes();
  for (size_t size = 0; size < bytes.size(); ++size) {
    Write(bytes.substr(0, size));
    EXPECT_THAT(ReadIdx(path_, 3),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr("truncated")))
        << size;
  }
  Write(bytes.substr(0, kHeaderBytes + 4));
  EXPECT_THAT(ReadIdx(path_, 3),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("expected 6 bytes of values, found 4")));
}

TEST_F(IdxTest, TruncatedGzip) {
  WriteGzip(Bytes());
  const auto compressed = path_.string() + ".gz";
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(compressed, 1000));
  for (size_t size = 2; size < bytes.size(); ++size) {
    ASSERT_OK(WriteFileAtomically(compressed, bytes.substr(0, size)));
    EXPECT_THAT(ReadIdx(path_, 3),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(compressed)))
        << size;
  }
}

TEST_F(IdxTest, DamagedGzip) {
  WriteGzip(Bytes());
  const auto compressed = path_.string() + ".gz";
  ASSERT_OK_AND_ASSIGN(std::string bytes, ReadFile(compressed, 1000));
  bytes[bytes.size() - 8] ^= 1;  // of the checksum
  ASSERT_OK(WriteFileAtomically(compressed, bytes));
  EXPECT_THAT(ReadIdx(path_, 3),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("expected a whole gzip file, found")));
}

TEST_F(IdxTest, TrailingBytes) {
  Write(Bytes() + "x");
  EXPECT_THAT(ReadIdx(path_, 3), StatusIs(StatusCode::kInvalidArgument,
                                          HasSubstr("found trailing bytes")));
}

// 65536^3 values, of which the file has none; their product must not overflow
// into something small, nor be allocated.
TEST_F(IdxTest, RefusesWhatIsTooLarge) {
  Write(Bytes().replace(4, 12, std::string("\0\1\0\0\0\1\0\0\0\1\0\0", 12)));
  EXPECT_THAT(ReadIdx(path_, 3),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("expected at most 268435456 values, found "
                                 "dimensions 65536 x 65536")));
}

TEST_F(IdxTest, AFolderIsNotAFile) {
  std::filesystem::create_directory(path_);
  EXPECT_THAT(ReadIdx(path_, 3),
              StatusIs(StatusCode::kUnavailable, HasSubstr("Is a directory")));
}

}  // namespace
}  // namespace metastep
