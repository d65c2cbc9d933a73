// Cancels a wait in the coordinator from a gRPC reactor.
#ifndef METASTEP_SERVER_PENDING_WAIT_H_
#define METASTEP_SERVER_PENDING_WAIT_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "base/mutex.h"

namespace metastep {

// A wait is named by a token that is known only after it began; the peer may
// cancel before, after and in between. Whichever comes second, of the token and
// the cancellation, calls `cancel`. A token that nothing waits under is
// harmless to cancel. Thread-safe.
class PendingWait {
 public:
  explicit PendingWait(std::function<void(int64_t)> cancel)
      : cancel_(std::move(cancel)) {}

  // A wait began; token 0 says that it was answered at once.
  void Began(int64_t token) {
    bool cancelled = false;
    {
      MutexLock lock(mu_);
      // Of two waits that began in turn, the later may be told of first.
      token_ = std::max(token_, token);
      cancelled = cancelled_;
    }
    if (cancelled && token != 0) cancel_(token);
  }

  void Cancel() {
    int64_t token = 0;
    {
      MutexLock lock(mu_);
      cancelled_ = true;
      token = token_;
    }
    if (token != 0) cancel_(token);
  }

 private:
  const std::function<void(int64_t)> cancel_;

  Mutex mu_;
  int64_t token_ ABSL_GUARDED_BY(mu_) = 0;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_PENDING_WAIT_H_
