#include "client/run_evaluator.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "client/watch_run.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

// Of one entry.
constexpr int64_t kMaxThetaBytes = kMaxKeptCoordinates * sizeof(float);

int EntriesPerRun(const v1::EvaluationSpec& what) {
  // Of whole thetas fewer than kMaxKeptEntries are in a message.
  static_assert(kMaxCurveBytes / kMaxThetaBytes <= kMaxKeptEntries);
  const int64_t bytes =
      CurveBytes(what) + (what.keep_theta() ? kMaxThetaBytes : 0);
  const int64_t entries =
      std::min(kMaxCurveBytes / bytes,
               kMaxHeldLosses / HeldLosses(what.tasks(), what.steps()));
  return static_cast<int>(std::max<int64_t>(1, entries));
}

}  // namespace

RunEvaluator::RunEvaluator(const v1::RunSpec& base, RunClient& runs,
                           ProgressLine& progress, Start& start)
    : base_(base), runs_(runs), progress_(progress), start_(start) {
  base_.clear_work();
}

absl::StatusOr<std::vector<v1::LossCurve>> RunEvaluator::EvaluateInOneRun(
    const v1::EvaluationSpec& what) {
  v1::RunSpec spec = base_;
  *spec.mutable_evaluation() = what;
  METASTEP_ASSIGN_OR_RETURN(const v1::Run created, start_(runs_, spec));
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

absl::StatusOr<std::vector<v1::LossCurve>> RunEvaluator::Evaluate(
    const v1::EvaluationSpec& what) {
  const int per_run = EntriesPerRun(what);
  std::vector<v1::LossCurve> curves;
  for (int begin = 0; begin < what.entries_size(); begin += per_run) {
    v1::EvaluationSpec some = what;
    some.clear_entries();
    const int end = std::min(begin + per_run, what.entries_size());
    for (int i = begin; i < end; ++i) *some.add_entries() = what.entries(i);
    METASTEP_ASSIGN_OR_RETURN(std::vector<v1::LossCurve> more,
                              EvaluateInOneRun(some));
    std::move(more.begin(), more.end(), std::back_inserter(curves));
  }
  return curves;
}

}  // namespace metastep
