// Files that the person at the command line names: what is wrong with them is
// wrong usage, not an error of a server.
#ifndef METASTEP_CLIENT_USER_FILE_H_
#define METASTEP_CLIENT_USER_FILE_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

// As the functions of base/file.h, with InvalidArgument for every error.
absl::StatusOr<std::string> ReadUserFile(const std::filesystem::path& path,
                                         int64_t max_bytes);
absl::Status WriteUserFile(const std::filesystem::path& path,
                           absl::string_view bytes);
absl::Status MakeUserFolder(const std::filesystem::path& path);

// That a file can be written there, before an hour's work and not after it. An
// empty path, of a flag that was not given, is fine.
// Errors: InvalidArgument: its folder is not there, or is read-only, or the
// path is a folder.
absl::Status CheckWritable(const std::filesystem::path& path);

}  // namespace metastep

#endif  // METASTEP_CLIENT_USER_FILE_H_
