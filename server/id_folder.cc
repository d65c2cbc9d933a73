#include "server/id_folder.h"

#include <limits>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

constexpr size_t kIdSize = 32;

bool IsId(absl::string_view text) {
  return text.size() == kIdSize && absl::c_all_of(text, [](char c) {
           return absl::ascii_isxdigit(c) && !absl::ascii_isupper(c);
         });
}

// The files of a folder; those that vanish meanwhile may be missing.
std::vector<fs::path> Files(const fs::path& dir) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end;
       it.increment(error)) {
    files.push_back(it->path());
  }
  absl::c_sort(files);
  return files;
}

}  // namespace

absl::StatusOr<IdFolder> IdFolder::Open(fs::path dir) {
  METASTEP_RETURN_IF_ERROR(MakeFolder(dir));
  for (const fs::path& file : Files(dir)) {
    std::error_code ignored;  // it is in nobody's way
    if (file.extension() == ".tmp") fs::remove(file, ignored);
  }
  return IdFolder(std::move(dir));
}

absl::Status IdFolder::Write(const std::string& id,
                             absl::string_view bytes) const {
  const fs::path path = dir_ / id;
  const absl::Status written = WriteFileAtomically(path, bytes);
  if (!written.ok()) {
    std::error_code ignored;  // Open removes it
    fs::remove(path.string() + ".tmp", ignored);
  }
  return written;
}

absl::StatusOr<std::string> IdFolder::Read(const std::string& id) const {
  if (!IsId(id)) return absl::NotFoundError("not an id");
  // Bounded when it was written.
  return ReadFile(dir_ / id, std::numeric_limits<int64_t>::max());
}

absl::Status IdFolder::Delete(const std::string& id) const {
  if (!IsId(id)) return absl::NotFoundError("not an id");
  std::error_code error;
  const bool deleted = fs::remove(dir_ / id, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot delete ", (dir_ / id).string(), ": ", error.message()));
  }
  return deleted ? absl::OkStatus() : absl::NotFoundError("no such file");
}

void IdFolder::Remove(const std::string& id) const { Delete(id).IgnoreError(); }

std::vector<std::string> IdFolder::Ids() const {
  std::vector<std::string> ids;
  for (const fs::path& file : Files(dir_)) {
    if (IsId(file.filename().string())) ids.push_back(file.filename().string());
  }
  return ids;
}

int64_t IdFolder::TotalBytes() const {
  int64_t total = 0;
  for (const fs::path& file : Files(dir_)) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    if (!error) total += static_cast<int64_t>(size);
  }
  return total;
}

}  // namespace metastep
