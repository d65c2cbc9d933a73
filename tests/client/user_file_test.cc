#include "client/user_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using testing::HasSubstr;

TEST(UserFileTest, EveryErrorIsOneOfUsage) {
  EXPECT_THAT(
      ReadUserFile("/no/such/file", 10),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/no/such/file")));
  EXPECT_THAT(WriteUserFile("/no/such/folder/file", "x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/no/such/folder")));
  EXPECT_THAT(WriteUserFile("", "x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("cannot write file ''")));
  EXPECT_THAT(MakeUserFolder("/dev/null/folder"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/dev/null/folder")));
}

TEST(UserFileTest, AFileThatCannotBeWrittenIsKnownBefore) {
  const auto folder = NewTestFolder();
  EXPECT_OK(CheckWritable(folder / "file"));
  EXPECT_OK(CheckWritable("file"));
  EXPECT_OK(CheckWritable(""));
  EXPECT_THAT(CheckWritable(folder / "none" / "file"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("none/file': there is no such folder")));
  EXPECT_THAT(
      CheckWritable(folder),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a folder")));
}

TEST(UserFileTest, WritesAFileInTheCurrentFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(testing::TempDir());
  EXPECT_OK(WriteUserFile("user_file_test", "bytes"));
  EXPECT_THAT(ReadUserFile("user_file_test", 10), IsOkAndHolds("bytes"));
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace metastep
