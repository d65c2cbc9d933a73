#include "client/watch_run.h"

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"

namespace metastep {

absl::StatusOr<v1::Run> WatchToEnd(RunClient& runs, const std::string& run_id,
                                   ProgressLine& progress) {
  EtaEstimator eta(Clock::Real());
  METASTEP_ASSIGN_OR_RETURN(
      const v1::Run run, runs.Watch(run_id, [&](const v1::Run& state) {
        progress.Show(FormatRunProgress(
            state, eta.Estimate(state.done(), state.total())));
      }));
  progress.Finish();
  switch (run.state()) {
    case v1::Run::SUCCEEDED:
      return run;
    case v1::Run::FAILED:
      return absl::AbortedError(
          absl::StrCat("run ", run_id, " failed: ", run.error()));
    case v1::Run::CANCELLED:
      return absl::AbortedError(absl::StrCat("run ", run_id, " was cancelled"));
    default:
      return absl::InternalError(
          absl::StrCat("the server ended the watch of run ", run_id,
                       " in state ", v1::Run::State_Name(run.state())));
  }
}

}  // namespace metastep
