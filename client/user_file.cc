#include "client/user_file.h"

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
  return AsUsageError(
      WriteFileAtomically(std::filesystem::absolute(path), bytes));
}

absl::Status MakeUserFolder(const std::filesystem::path& path) {
  return AsUsageError(MakeFolder(path));
}

}  // namespace metastep
