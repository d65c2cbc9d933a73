#include "client/run_evaluator.h"

#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/status_macros.h"
#include "client/watch_run.h"

namespace metastep {

RunEvaluator::RunEvaluator(const v1::RunSpec& base, RunClient& runs,
                           ProgressLine& progress)
    : base_(base), runs_(runs), progress_(progress) {
  base_.clear_work();
}

absl::StatusOr<std::vector<v1::LossCurve>> RunEvaluator::Evaluate(
    const v1::EvaluationSpec& what) {
  v1::RunSpec spec = base_;
  *spec.mutable_evaluation() = what;
  METASTEP_ASSIGN_OR_RETURN(const v1::Run created,
                            runs_.Create(RandomId(), spec));
  const absl::StatusOr<v1::Run> ended =
      WatchToEnd(runs_, created.run_id(), progress_);
  if (!ended.ok()) {
    runs_.Cancel(created.run_id()).IgnoreError();
    return ended.status();
  }
  if (ended->curves_size() != what.entries_size()) {
    return absl::InternalError(absl::StrFormat(
        "run %s gave %d curves for %d entries", created.run_id(),
        ended->curves_size(), what.entries_size()));
  }
  return std::vector<v1::LossCurve>(ended->curves().begin(),
                                    ended->curves().end());
}

}  // namespace metastep
