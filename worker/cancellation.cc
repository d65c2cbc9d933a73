#include "worker/cancellation.h"

#include "absl/time/clock.h"

namespace metastep {

void Cancellation::Cancel() {
  MutexLock lock(mu_);
  cancelled_ = true;
  for (grpc::ClientContext* call : calls_) call->TryCancel();
  changed_.NotifyAll();
}

bool Cancellation::cancelled() const {
  MutexLock lock(mu_);
  return cancelled_;
}

bool Cancellation::Pause(absl::Duration duration) {
  const absl::Time end = absl::Now() + duration;
  MutexLock lock(mu_);
  while (!cancelled_ && absl::Now() < end) {
    changed_.WaitFor(mu_, end - absl::Now());
  }
  return !cancelled_;
}

Cancellation::Scope::Scope(Cancellation& cancellation,
                           grpc::ClientContext& context)
    : cancellation_(cancellation), context_(context) {
  MutexLock lock(cancellation_.mu_);
  cancellation_.calls_.insert(&context_);
  // A call that starts after this fails at once.
  if (cancellation_.cancelled_) context_.TryCancel();
}

Cancellation::Scope::~Scope() {
  MutexLock lock(cancellation_.mu_);
  cancellation_.calls_.erase(&context_);
}

}  // namespace metastep
