// How many sessions there may be and how many bytes they may take.
#ifndef METASTEP_SERVER_SESSION_BUDGET_H_
#define METASTEP_SERVER_SESSION_BUDGET_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "base/mutex.h"

namespace metastep {

// Room is taken before memory is, and given back when the memory is gone,
// which for a session that is closed during a step is after that step.
// Thread-safe.
class SessionBudget {
 public:
  // Room for one session; gives it back when destroyed. Not thread-safe.
  class Room {
   public:
    Room(Room&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)),
          bytes_(other.bytes_) {}
    Room& operator=(Room&&) = delete;
    ~Room() {
      if (budget_ != nullptr) budget_->GiveBack(bytes_);
    }

   private:
    friend class SessionBudget;
    Room(SessionBudget* budget, int64_t bytes)
        : budget_(budget), bytes_(bytes) {}

    SessionBudget* budget_;
    int64_t bytes_;
  };

  struct Use {
    int64_t sessions = 0;
    int64_t bytes = 0;
  };

  explicit SessionBudget(const Use& limits) : limits_(limits) {}

  // Takes room for a session of this many bytes, at least 0. Errors:
  // ResourceExhausted (QUOTA_SESSIONS, QUOTA_BYTES).
  absl::StatusOr<Room> Take(int64_t bytes);

  Use use() const {
    MutexLock lock(mu_);
    return use_;
  }

 private:
  void GiveBack(int64_t bytes);

  const Use limits_;

  mutable Mutex mu_;
  Use use_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_BUDGET_H_
