// Whole files, read within a bound and written so that a crash leaves either
// the old file or the new one.
#ifndef METASTEP_BASE_FILE_H_
#define METASTEP_BASE_FILE_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

// Reads a file of at most `max_bytes`. Errors: NotFound; InvalidArgument if it
// is larger (nothing is allocated); Unavailable if it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path,
                                     int64_t max_bytes);

// Replaces a file: writes a temporary one beside it, syncs it, renames it and
// syncs the folder. Errors: Unavailable, with the system's reason.
absl::Status WriteFileAtomically(const std::filesystem::path& path,
                                 absl::string_view bytes);

// Renames a file or a folder within one file system, and syncs the folder that
// it is now in. Errors: Unavailable, with the system's reason.
absl::Status RenameDurably(const std::filesystem::path& from,
                           const std::filesystem::path& to);

// Makes a folder and its parents, and syncs the folder that it is in; fine if
// it is there. Errors: Unavailable.
absl::Status MakeFolder(const std::filesystem::path& path);

}  // namespace metastep

#endif  // METASTEP_BASE_FILE_H_
