// Ending what a thread waits for.
#ifndef METASTEP_WORKER_CANCELLATION_H_
#define METASTEP_WORKER_CANCELLATION_H_

#include <grpcpp/client_context.h>

#include <set>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace metastep {

// Once cancelled, for ever: pauses end at once, and calls are CANCELLED, those
// under way included. Thread-safe.
class Cancellation {
 public:
  void Cancel();
  bool cancelled() const;

  // Waits that long; false as soon as it is cancelled.
  bool Pause(absl::Duration duration);

  // Ties a call to a cancellation while in scope. Both must outlive it.
  class Scope {
   public:
    Scope(Cancellation& cancellation, grpc::ClientContext& context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& cancellation_;
    grpc::ClientContext& context_;
  };

 private:
  mutable Mutex mu_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  std::set<grpc::ClientContext*> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_WORKER_CANCELLATION_H_
