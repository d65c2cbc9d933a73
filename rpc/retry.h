// Retries with exponential backoff and full jitter, for a bounded time.
#ifndef METASTEP_RPC_RETRY_H_
#define METASTEP_RPC_RETRY_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace metastep {

struct RetryOptions {
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(20);
  // No new attempt starts later than this after the first.
  absl::Duration give_up_after = absl::Minutes(10);
};

// Calls `attempt` until it gives anything but UNAVAILABLE, and returns that, or
// the last UNAVAILABLE with the time spent in its message. Between attempts it
// waits a uniform part of a bound that doubles. `sleep` waits that long and
// returns false to give up at once (a process that is told to stop).
absl::Status RetryUnavailable(const RetryOptions& options,
                              const std::function<bool(absl::Duration)>& sleep,
                              const std::function<absl::Status()>& attempt);

// A server that does not answer, or that cancels its calls because it stops, is
// as good as one that is out of reach: DEADLINE_EXCEEDED and CANCELLED become
// UNAVAILABLE. REQUIRES: the call may be retried, and the caller did not cancel
// it.
absl::Status OutOfReachIsUnavailable(absl::Status status);

}  // namespace metastep

#endif  // METASTEP_RPC_RETRY_H_
