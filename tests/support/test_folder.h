#ifndef METASTEP_TESTS_SUPPORT_TEST_FOLDER_H_
#define METASTEP_TESTS_SUPPORT_TEST_FOLDER_H_

#include <gtest/gtest.h>

#include <filesystem>

#include "base/digest.h"

namespace metastep {

// A new, empty folder in testing::TempDir(), which main() removes in the end.
inline std::filesystem::path NewTestFolder() {
  const auto folder = std::filesystem::path(testing::TempDir()) / RandomId();
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace metastep

#endif  // METASTEP_TESTS_SUPPORT_TEST_FOLDER_H_
