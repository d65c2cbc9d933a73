// How a process that is told to stop tells everybody in it who waits.
#ifndef METASTEP_RPC_CANCELLATION_H_
#define METASTEP_RPC_CANCELLATION_H_

#include <grpcpp/client_context.h>

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
  bool cancelled() const { return !status().ok(); }

  // Waits; returns false, at once, if cancelled.
  bool Sleep(absl::Duration duration) const;

  // Cancels a call, too, while in scope (at once if it came before). Both must
  // outlive it.
  class Scope {
   public:
    Scope(Cancellation& cancellation, grpc::ClientContext& call);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation& cancellation_;
    grpc::ClientContext& call_;
  };

 private:
  mutable Mutex mu_;
  mutable CondVar cancelled_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::set<grpc::ClientContext*> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_RPC_CANCELLATION_H_
