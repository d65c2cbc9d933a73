// The exit codes of the command, documented in `metastep --help`.
#ifndef METASTEP_CLIENT_EXIT_CODE_H_
#define METASTEP_CLIENT_EXIT_CODE_H_

#include "absl/status/status.h"

namespace metastep {

enum ExitCode : int {
  kExitDone = 0,
  kExitRunFailed = 1,  // or was cancelled
  kExitUsage = 2,      // or a wrong spec
  kExitOutOfReach = 3,
  kExitNotFound = 4,
  kExitServerError = 5,  // any other
  kExitMissed = 6,       // a threshold of `reproduce`
  kExitInterrupted = 130,
};

// What the process ends with. Commands say Aborted for a run that failed,
// OutOfRange for a threshold that was missed, and Cancelled for an
// interruption; the other codes are the servers'.
ExitCode ExitCodeFor(const absl::Status& status);

}  // namespace metastep

#endif  // METASTEP_CLIENT_EXIT_CODE_H_
