#include "client/user_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

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

TEST(UserFileTest, WritesAFileInTheCurrentFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(testing::TempDir());
  EXPECT_OK(WriteUserFile("user_file_test", "bytes"));
  EXPECT_THAT(ReadUserFile("user_file_test", 10), IsOkAndHolds("bytes"));
  std::filesystem::current_path(before);
}

}  // namespace
}  // namespace metastep
