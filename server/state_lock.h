// One server owns a state directory at a time.
#ifndef METASTEP_SERVER_STATE_LOCK_H_
#define METASTEP_SERVER_STATE_LOCK_H_

#include <filesystem>
#include <utility>

#include "absl/status/statusor.h"

namespace metastep {

// Holds the lock until it is destroyed; the kernel frees it if the process
// dies.
class StateLock {
 public:
  // Errors: FailedPrecondition: another process holds it; Unavailable.
  static absl::StatusOr<StateLock> Take(const std::filesystem::path& state_dir);
  StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  StateLock& operator=(StateLock&&) = delete;
  ~StateLock();

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_STATE_LOCK_H_
