// A folder that is kept, or a temporary one.
#ifndef METASTEP_CLIENT_STATE_FOLDER_H_
#define METASTEP_CLIENT_STATE_FOLDER_H_

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace metastep {

// Not thread-safe.
class StateFolder {
 public:
  // The folder at `path`, made if need be; a temporary one if that is empty.
  // Errors: InvalidArgument, with the system's reason.
  static absl::StatusOr<std::unique_ptr<StateFolder>> Open(
      const std::string& path);
  // Deletes a temporary folder with all that it holds.
  ~StateFolder();
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  bool temporary() const { return temporary_; }

 private:
  StateFolder(std::filesystem::path path, bool temporary)
      : path_(std::move(path)), temporary_(temporary) {}

  const std::filesystem::path path_;
  const bool temporary_;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_STATE_FOLDER_H_
