#include "client/exit_code.h"

namespace metastep {

ExitCode ExitCodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kAborted:
      return kExitRunFailed;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitOutOfReach;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kOutOfRange:
      return kExitMissed;
    case absl::StatusCode::kCancelled:
      return kExitInterrupted;
    default:
      return kExitServerError;
  }
}

}  // namespace metastep
