#include "server/turn.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "rpc/error_reason.h"

namespace metastep {

absl::Status Turn::Take(Holder holder) {
  std::function<void()> wanted;
  {
    MutexLock lock(mu_);
    if (waiting_.size() == kMaxWaiting) {
      return WithReason(
          absl::ResourceExhaustedError(absl::StrFormat(
              "%d calls wait for this session, the limit; send one step at a "
              "time",
              kMaxWaiting)),
          kReasonSessionBusy);
    }
    waiting_.push_back(std::move(holder));
    if (taken_) wanted = std::exchange(wanted_, nullptr);
  }
  if (wanted) wanted();
  StartNext();
  return absl::OkStatus();
}

void Turn::GiveBack() {
  {
    MutexLock lock(mu_);
    taken_ = false;
    wanted_ = nullptr;
  }
  StartNext();
}

void Turn::StartNext() {
  Holder next;
  bool wanted = false;
  {
    MutexLock lock(mu_);
    if (taken_ || waiting_.empty()) return;
    next = std::move(waiting_.front());
    waiting_.pop_front();
    taken_ = true;
    wanted = !waiting_.empty();
    wanted_ = wanted ? nullptr : next.wanted;
  }
  next.start();
  if (wanted && next.wanted) next.wanted();
}

}  // namespace metastep
