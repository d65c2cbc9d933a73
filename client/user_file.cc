#include "client/user_file.h"

#include <unistd.h>

#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace metastep {
namespace {

absl::Status AsUsageError(const absl::Status& status) {
  return status.ok() ? status : absl::InvalidArgumentError(status.message());
}

absl::Status CannotWrite(const std::filesystem::path& path,
                         absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot write file '", path.string(), "': ", why));
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
  if (error) return CannotWrite(path, error.message());
  return AsUsageError(WriteFileAtomically(absolute, bytes));
}

absl::Status MakeUserFolder(const std::filesystem::path& path) {
  return AsUsageError(MakeFolder(path));
}

absl::Status CheckWritable(const std::filesystem::path& path) {
  if (path.empty()) return absl::OkStatus();
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  if (!std::filesystem::is_directory(folder, error)) {
    return CannotWrite(path, "there is no such folder; make it first");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    return CannotWrite(path, "its folder is read-only");
  }
  if (std::filesystem::is_directory(path, error)) {
    return CannotWrite(path, "is a folder");
  }
  return absl::OkStatus();
}

}  // namespace metastep
