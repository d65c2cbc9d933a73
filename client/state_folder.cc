#include "client/state_folder.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/user_file.h"

namespace metastep {

absl::StatusOr<std::unique_ptr<StateFolder>> StateFolder::Open(
    const std::string& path) {
  if (!path.empty()) {
    METASTEP_RETURN_IF_ERROR(MakeUserFolder(path));
    return std::unique_ptr<StateFolder>(
        new StateFolder(path, /*temporary=*/false));
  }
  std::error_code error;
  const auto parent = std::filesystem::temp_directory_path(error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("no folder for temporary files: ", error.message(),
                     "; set TMPDIR to one"));
  }
  std::string name = (parent / "metastep-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cannot make a temporary folder ", name, ": ", std::strerror(errno)));
  }
  return std::unique_ptr<StateFolder>(
      new StateFolder(name, /*temporary=*/true));
}

StateFolder::~StateFolder() {
  std::error_code ignored;  // nobody could do anything about it
  if (temporary_) std::filesystem::remove_all(path_, ignored);
}

}  // namespace metastep
