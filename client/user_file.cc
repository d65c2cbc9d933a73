#include "client/user_file.h"

#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace metastep {
namespace {

absl::Status AsUsageError(const absl::Status& status) {
  return status.ok() ? status : absl::InvalidArgumentError(status.message());
}

}  // namespace

absl::StatusOr<std::string> ReadUserFile(const std::filesystem::path& path,
                                         int64_t max_bytes) {
  absl::StatusOr<std::string> bytes = ReadFile(path, max_bytes);
  if (!bytes.ok()) return AsUsageError(bytes.status());
  return bytes;
}

absl::Status WriteUserFile(const std::filesystem::path& path,
                           absl::string_view bytes) {
  // Absolute, because "x.svg" alone has no parent folder to sync.
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot write file '", path.string(), "': ", error.message()));
  }
  return AsUsageError(WriteFileAtomically(absolute, bytes));
}

absl::Status MakeUserFolder(const std::filesystem::path& path) {
  return AsUsageError(MakeFolder(path));
}

}  // namespace metastep
