#ifndef METASTEP_TESTS_SUPPORT_TEST_FOLDER_H_
#define METASTEP_TESTS_SUPPORT_TEST_FOLDER_H_

#include <gtest/gtest.h>

#include <filesystem>

#include "base/digest.h"

namespace metastep {

// An empty folder of its own, removed with all that is in it.
class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::path(testing::TempDir()) / RandomId()) {
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const {
    return path_ / name;
  }

 private:
  const std::filesystem::path path_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_SUPPORT_TEST_FOLDER_H_
