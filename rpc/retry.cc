#include "rpc/retry.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace metastep {
namespace {

// Jitter only spreads load; no result depends on it.
absl::Duration UniformPartOf(absl::Duration bound) {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return bound * std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

absl::Status RetryUnavailable(const RetryOptions& options,
                              const std::function<bool(absl::Duration)>& sleep,
                              const std::function<absl::Status()>& attempt) {
  const absl::Time start = absl::Now();
  absl::Duration bound = options.initial_backoff;
  while (true) {
    absl::Status status = attempt();
    if (!absl::IsUnavailable(status)) return status;
    const absl::Duration spent = absl::Now() - start;
    const absl::Duration left = options.give_up_after - spent;
    if (left <= absl::ZeroDuration() ||
        !sleep(std::min(UniformPartOf(bound), left))) {
      return absl::UnavailableError(absl::StrCat(
          status.message(), "; gave up after ", absl::FormatDuration(spent)));
    }
    bound = std::min(bound * 2, options.max_backoff);
  }
}

absl::Status OutOfReachIsUnavailable(absl::Status status) {
  if (!absl::IsDeadlineExceeded(status) && !absl::IsCancelled(status)) {
    return status;
  }
  return absl::UnavailableError("the server does not answer");
}

}  // namespace metastep
