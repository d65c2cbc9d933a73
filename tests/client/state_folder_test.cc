#include "client/state_folder.h"

#include <gtest/gtest.h>

#include <fstream>

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
