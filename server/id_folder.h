// A folder of files that are named by random ids (base/digest.h).
#ifndef METASTEP_SERVER_ID_FOLDER_H_
#define METASTEP_SERVER_ID_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

// Files are written whole or not at all. A peer's text that is not an id never
// becomes a path. Thread-safe; writes of one id must not overlap.
class IdFolder {
 public:
  // Makes the folder if need be, and removes what a crash left half written.
  // Errors: Unavailable.
  static absl::StatusOr<IdFolder> Open(std::filesystem::path dir);

  // Errors: Unavailable; nothing is left behind.
  absl::Status Write(const std::string& id, absl::string_view bytes) const;
  // Errors: NotFound, also for what is no id; Unavailable.
  absl::StatusOr<std::string> Read(const std::string& id) const;
  // Errors: NotFound, also for what is no id; Unavailable.
  absl::Status Delete(const std::string& id) const;
  // Fine if there is none, or if it stays.
  void Remove(const std::string& id) const;
  // In order.
  std::vector<std::string> Ids() const;
  // Of all its files.
  int64_t TotalBytes() const;

 private:
  explicit IdFolder(std::filesystem::path dir) : dir_(std::move(dir)) {}

  std::filesystem::path dir_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_ID_FOLDER_H_
