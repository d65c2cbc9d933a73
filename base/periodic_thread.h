// A thread that calls a function every so often.
#ifndef METASTEP_BASE_PERIODIC_THREAD_H_
#define METASTEP_BASE_PERIODIC_THREAD_H_

#include <functional>
#include <thread>

#include "base/mutex.h"

namespace metastep {

// Calls `act` with `period` between an end and the next start, from
// construction to destruction; the destructor waits for a call in progress.
// Thread-safe.
class PeriodicThread {
 public:
  PeriodicThread(absl::Duration period, std::function<void()> act);
  ~PeriodicThread();
  PeriodicThread(const PeriodicThread&) = delete;
  PeriodicThread& operator=(const PeriodicThread&) = delete;

 private:
  void Loop();

  const absl::Duration period_;
  const std::function<void()> act_;

  Mutex mu_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last, so that it starts when all else is there
};

}  // namespace metastep

#endif  // METASTEP_BASE_PERIODIC_THREAD_H_
