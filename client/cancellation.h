// How a process that is told to stop tells everybody in it who waits.
#ifndef METASTEP_CLIENT_CANCELLATION_H_
#define METASTEP_CLIENT_CANCELLATION_H_

#include <functional>
#include <set>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace metastep {

// Set once, with a reason. Thread-safe.
class Cancellation {
 public:
  // Tells everybody. Only the first call's reason counts. REQUIRES: !why.ok().
  void Cancel(absl::Status why);

  // OK until Cancel is called, then its reason.
  absl::Status status() const;

  // Waits; returns false, at once, if cancelled.
  bool Sleep(absl::Duration duration) const;

  // Calls `stop` once when it is cancelled (at once if it was before), unless
  // it is destroyed earlier; the destructor waits for a call that is under way.
  // `stop` must not call the Cancellation.
  class Scope {
   public:
    Scope(Cancellation& cancellation, std::function<void()> stop);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& cancellation_;
    const std::function<void()> stop_;
  };

 private:
  mutable Mutex mu_;
  mutable CondVar cancelled_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::set<const std::function<void()>*> scopes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_CANCELLATION_H_
