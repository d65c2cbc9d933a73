#include "base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

std::filesystem::path TempPath(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("file_test_" + name);
}

TEST(FileTest, WritesAndReadsBack) {
  const auto path = TempPath("round_trip");
  ASSERT_OK(WriteFileAtomically(path, "first"));
  ASSERT_OK(WriteFileAtomically(path, "second"));
  EXPECT_THAT(ReadFile(path, 100), IsOkAndHolds("second"));
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".tmp"));
}

TEST(FileTest, RefusesMoreThanTheBound) {
  const auto path = TempPath("bound");
  ASSERT_OK(WriteFileAtomically(path, "12345"));
  EXPECT_OK(ReadFile(path, 5));
  EXPECT_THAT(ReadFile(path, 4), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("has 5 bytes; at most 4")));
}

TEST(FileTest, MissingFileIsNotFoundAndNamed) {
  EXPECT_THAT(ReadFile(TempPath("missing"), 5),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("file_test_missing does not exist")));
}

TEST(FileTest, WritingIntoAMissingFolderSaysWhy) {
  EXPECT_THAT(WriteFileAtomically(TempPath("no_folder") / "x", "bytes"),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("No such file or directory")));
}

}  // namespace
}  // namespace metastep
