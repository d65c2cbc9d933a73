#include "server/session_budget.h"

#include "absl/strings/str_format.h"
#include "rpc/error_reason.h"

namespace metastep {

absl::StatusOr<SessionBudget::Room> SessionBudget::Take(int64_t bytes) {
  MutexLock lock(mu_);
  if (use_.sessions >= limits_.sessions) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "%d sessions are open, the limit is %d; close one, or wait until "
            "one expires",
            use_.sessions, limits_.sessions)),
        kReasonQuotaSessions);
  }
  if (bytes > limits_.bytes - use_.bytes) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "the session needs %d bytes; %d of %d are free: close sessions, or "
            "open a smaller one",
            bytes, limits_.bytes - use_.bytes, limits_.bytes)),
        kReasonQuotaBytes);
  }
  ++use_.sessions;
  use_.bytes += bytes;
  return Room(this, bytes);
}

void SessionBudget::GiveBack(int64_t bytes) {
  MutexLock lock(mu_);
  --use_.sessions;
  use_.bytes -= bytes;
}

}  // namespace metastep
