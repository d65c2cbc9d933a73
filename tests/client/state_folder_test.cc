#include "client/state_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

TEST(StateFolderTest, ATemporaryOneGoesWithAllThatItHolds) {
  std::filesystem::path path;
  {
    ASSERT_OK_AND_ASSIGN(const auto folder, StateFolder::Open(""));
    path = folder->path();
    EXPECT_TRUE(folder->temporary());
    std::ofstream(path / "file") << "x";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(StateFolderTest, ATemporaryOneNeedsAFolderForIt) {
  const char* before = std::getenv("TMPDIR");
  const std::string tmpdir = before == nullptr ? "/tmp" : before;
  setenv("TMPDIR", "/no/such/folder", /*replace=*/1);
  EXPECT_THAT(StateFolder::Open(""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("set TMPDIR")));
  setenv("TMPDIR", tmpdir.c_str(), /*replace=*/1);
}

TEST(StateFolderTest, ANamedOneIsMadeAndStays) {
  const auto path =
      std::filesystem::path(testing::TempDir()) / "state_folder_test";
  std::filesystem::remove_all(path);
  {
    ASSERT_OK_AND_ASSIGN(const auto folder, StateFolder::Open(path));
    EXPECT_FALSE(folder->temporary());
  }
  EXPECT_TRUE(std::filesystem::is_directory(path));
}

}  // namespace
}  // namespace metastep
