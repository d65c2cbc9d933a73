#include "rpc/cancellation.h"

#include <utility>

#include "absl/time/clock.h"

namespace metastep {

void Cancellation::Cancel(absl::Status why) {
  MutexLock lock(mu_);
  if (!status_.ok()) return;
  status_ = std::move(why);
  for (grpc::ClientContext* call : calls_) call->TryCancel();
  cancelled_.NotifyAll();
}

absl::Status Cancellation::status() const {
  MutexLock lock(mu_);
  return status_;
}

bool Cancellation::Sleep(absl::Duration duration) const {
  const absl::Time end = absl::Now() + duration;
  MutexLock lock(mu_);
  while (status_.ok()) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) return true;
    cancelled_.WaitFor(mu_, left);
  }
  return false;
}

Cancellation::Scope::Scope(Cancellation& cancellation,
                           grpc::ClientContext& call)
    : cancellation_(cancellation), call_(call) {
  MutexLock lock(cancellation_.mu_);
  cancellation_.calls_.insert(&call_);
  if (!cancellation_.status_.ok()) call_.TryCancel();
}

Cancellation::Scope::~Scope() {
  MutexLock lock(cancellation_.mu_);
  cancellation_.calls_.erase(&call_);
}

}  // namespace metastep
