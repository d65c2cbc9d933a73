// Where this program and its sisters are installed.
#ifndef METASTEP_CLIENT_EXECUTABLE_FOLDER_H_
#define METASTEP_CLIENT_EXECUTABLE_FOLDER_H_

#include <filesystem>
#include <system_error>

namespace metastep {

inline std::filesystem::path ExecutableFolder() {
  std::error_code ignored;  // without /proc: the current folder
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
}

}  // namespace metastep

#endif  // METASTEP_CLIENT_EXECUTABLE_FOLDER_H_
