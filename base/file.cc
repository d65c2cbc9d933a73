#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(absl::string_view verb, const fs::path& path) {
  return absl::UnavailableError(absl::StrCat(
      "cannot ", verb, " ", path.string(), ": ", std::strerror(errno)));
}

absl::Status WriteAll(int fd, absl::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(fd) != 0) return SystemError("sync", path);
  return absl::OkStatus();
}

absl::Status WriteNew(const fs::path& path, absl::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                        S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
  if (fd < 0) return SystemError("create", path);
  absl::Cleanup close = [fd] { ::close(fd); };
  return WriteAll(fd, bytes, path);
}

absl::Status SyncFolder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return SystemError("open", path);
  absl::Cleanup close = [fd] { ::close(fd); };
  if (::fsync(fd) != 0) return SystemError("sync", path);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const fs::path& path, int64_t max_bytes) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    return absl::NotFoundError(absl::StrCat(path.string(), " does not exist"));
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot read ", path.string(), ": ", error.message()));
  }
  if (size > static_cast<uintmax_t>(max_bytes)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s has %d bytes; at most %d are read", path.string(),
                        size, max_bytes));
  }
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size))) {
    return SystemError("read", path);
  }
  return bytes;
}

absl::Status WriteFileAtomically(const fs::path& path,
                                 absl::string_view bytes) {
  const fs::path temporary = path.string() + ".tmp";
  METASTEP_RETURN_IF_ERROR(WriteNew(temporary, bytes));
  return RenameDurably(temporary, path);
}

absl::Status RenameDurably(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return SystemError("rename", from);
  }
  return SyncFolder(to.parent_path());
}

absl::Status MakeFolder(const fs::path& path) {
  std::error_code error;
  const bool made = fs::create_directories(path, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot make folder ", path.string(), ": ", error.message()));
  }
  return made ? SyncFolder(path / "..") : absl::OkStatus();
}

}  // namespace metastep
