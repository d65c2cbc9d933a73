// A clock that a test moves.
#ifndef METASTEP_TESTS_SUPPORT_SIMULATED_CLOCK_H_
#define METASTEP_TESTS_SUPPORT_SIMULATED_CLOCK_H_

#include "base/clock.h"
#include "base/mutex.h"

namespace metastep {

// Starts at 2020-01-01 UTC. Thread-safe.
class SimulatedClock final : public Clock {
 public:
  absl::Time Now() const override {
    MutexLock lock(mu_);
    return now_;
  }
  void Advance(absl::Duration by) {
    MutexLock lock(mu_);
    now_ += by;
  }

 private:
  mutable Mutex mu_;
  absl::Time now_ ABSL_GUARDED_BY(mu_) = absl::FromUnixSeconds(1577836800);
};

}  // namespace metastep

#endif  // METASTEP_TESTS_SUPPORT_SIMULATED_CLOCK_H_
