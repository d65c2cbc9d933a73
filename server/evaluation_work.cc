#include "server/evaluation_work.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "optimizer/run_spec.h"
#include "rpc/loss_curve.h"
#include "server/curve_size.h"

namespace metastep {
namespace {

v1::EvaluationShard::Tasks ShardTasks(v1::EvaluationSpec::Tasks tasks) {
  return tasks == v1::EvaluationSpec::TUNING ? v1::EvaluationShard::TUNING
                                             : v1::EvaluationShard::TEST;
}

}  // namespace

EvaluationWork::EvaluationWork(const v1::RunSpec& spec)
    : spec_(spec),
      curves_(static_cast<size_t>(evaluation().entries_size()) *
              evaluation().tasks()),
      thetas_(evaluation().entries_size()) {}

// The worker needs the task and the entry, not the other entries; what it gets
// is a whole spec all the same, since it checks what it gets.
void EvaluationWork::Describe(int shard, v1::Lease& lease) const {
  const v1::EvaluationEntry& entry =
      evaluation().entries(shard / evaluation().tasks());
  lease.mutable_spec()->set_name(spec_.name());
  lease.mutable_spec()->set_seed(spec_.seed());
  *lease.mutable_spec()->mutable_task() = spec_.task();
  v1::EvaluationSpec& only = *lease.mutable_spec()->mutable_evaluation();
  only.set_tasks_from(evaluation().tasks_from());
  only.set_tasks(evaluation().tasks());
  only.set_steps(evaluation().steps());
  only.set_keep_theta(evaluation().keep_theta());
  *only.add_entries() = entry;
  v1::EvaluationShard& work = *lease.mutable_evaluation();
  work.set_tasks_from(ShardTasks(evaluation().tasks_from()));
  work.set_task(shard % evaluation().tasks());
  work.set_steps(evaluation().steps());
  if (entry.has_model()) {
    *work.mutable_model() = entry.model();
  } else {
    *work.mutable_hand_designed() = entry.hand_designed();
  }
}

// What the task's size is, the worker knows alone; all entries' thetas are of
// one.
absl::Status EvaluationWork::CheckTheta(int shard,
                                        const std::string& theta) const {
  if (!Keeps(shard)) {
    if (theta.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrFormat(
        "the result has %d bytes of theta, which is not kept", theta.size()));
  }
  constexpr size_t kLimit = kMaxKeptCoordinates * sizeof(float);
  if (theta.empty() || theta.size() % sizeof(float) != 0 ||
      theta.size() > kLimit) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "theta has %d bytes; it must be whole floats, at most %d bytes",
        theta.size(), kLimit));
  }
  for (const std::string& other : thetas_) {
    if (other.empty() || other.size() == theta.size()) continue;
    return absl::InvalidArgumentError(absl::StrFormat(
        "theta has %d bytes, and another entry's of the same task has %d",
        theta.size(), other.size()));
  }
  return absl::OkStatus();
}

absl::Status EvaluationWork::Take(int shard,
                                  const v1::SubmitResultRequest& result) {
  if (!result.has_evaluation()) {
    return absl::InvalidArgumentError("the result is not of the lease's kind");
  }
  METASTEP_RETURN_IF_ERROR(
      CheckCurveSize(result.evaluation(), evaluation().steps()));
  METASTEP_RETURN_IF_ERROR(
      CheckTheta(shard, result.evaluation().final_theta()));
  curves_[shard] = {result.evaluation().losses().begin(),
                    result.evaluation().losses().end()};
  if (Keeps(shard)) {
    thetas_[shard / evaluation().tasks()] = result.evaluation().final_theta();
  }
  return absl::OkStatus();
}

void EvaluationWork::Close() { ended_ = true; }

void EvaluationWork::Report(int done_shards, v1::Run& run) const {
  run.set_done(ended_ ? shards() : done_shards);
  run.set_total(shards());
  run.clear_curves();
  if (!ended_) return;
  const size_t tasks = evaluation().tasks();
  for (int e = 0; e < evaluation().entries_size(); ++e) {
    v1::LossCurve& curve = *run.add_curves();
    curve = MeanCurve(evaluation().entries(e).label(),
                      absl::MakeConstSpan(curves_).subspan(e * tasks, tasks));
    curve.set_final_theta(thetas_[e]);
  }
}

}  // namespace metastep
