// A lock for callbacks: who has to wait is called back, and no thread waits.
#ifndef METASTEP_SERVER_TURN_H_
#define METASTEP_SERVER_TURN_H_

#include <cstddef>
#include <deque>
#include <functional>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace metastep {

// First come, first served. Thread-safe.
class Turn {
 public:
  // Whoever gets the turn, or waits for it.
  struct Holder {
    // Called once, when the turn is this holder's.
    std::function<void()> start;
    // Called at most once, while the turn is this holder's or just after it, if
    // somebody else waits for it. May be empty.
    std::function<void()> wanted;
  };

  // More would only pile up their requests.
  static constexpr size_t kMaxWaiting = 64;

  // Starts the holder before it returns if the turn is free, and otherwise from
  // the GiveBack before it. Errors: ResourceExhausted (SESSION_BUSY): then the
  // holder is never started.
  absl::Status Take(Holder holder);

  // REQUIRES: the caller has the turn.
  void GiveBack();

 private:
  // Makes the first of those that wait the holder.
  void StartNext();

  Mutex mu_;
  bool taken_ ABSL_GUARDED_BY(mu_) = false;
  // The holder's, until it was called.
  std::function<void()> wanted_ ABSL_GUARDED_BY(mu_);
  std::deque<Holder> waiting_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_SERVER_TURN_H_
