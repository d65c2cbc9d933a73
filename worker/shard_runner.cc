#include "worker/shard_runner.h"

#include <new>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "learner/evaluation.h"
#include "optimizer/curriculum.h"
#include "optimizer/rule_factory.h"
#include "optimizer/run_spec.h"
#include "rpc/float_bytes.h"

namespace metastep {
namespace {

// Over three thousand versions of the paper's phi, which has 20 KB.
constexpr int64_t kPhiCacheBytes = 64 << 20;
// SubmitResultRequest.failure has at most so many characters.
constexpr size_t kMaxFailureChars = 4096;
// EvaluationShard.steps is at most this.
constexpr int kMaxSteps = 100'000;

absl::Status CheckWindow(const v1::WindowShard& shard,
                         const v1::RunSpec& spec) {
  if (!spec.has_training()) {
    return absl::InvalidArgumentError("a window of a run that does not train");
  }
  if (shard.lane() < 0 || shard.lane() >= spec.training().lanes()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("lane %d; the run has lanes 0 to %d", shard.lane(),
                        spec.training().lanes() - 1));
  }
  if (shard.unroll() < 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("unroll %d; unrolls count from 0", shard.unroll()));
  }
  const int windows = Curriculum(spec.training()).WindowsOf(shard.unroll());
  if (shard.window() < 0 || shard.window() >= windows) {
    return absl::InvalidArgumentError(
        absl::StrFormat("window %d; an unroll has windows 0 to %d",
                        shard.window(), windows - 1));
  }
  if (shard.phi_versions_size() != shard.window() + 1) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%d phi versions for windows 0 to %d",
                        shard.phi_versions_size(), shard.window()));
  }
  return absl::OkStatus();
}

absl::Status CheckEvaluation(const v1::EvaluationShard& shard) {
  if (shard.task() < 0 || shard.steps() < 1 || shard.steps() > kMaxSteps) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "evaluation of task %d over %d steps; tasks count from 0, and an "
        "unroll has 1 to %d steps",
        shard.task(), shard.steps(), kMaxSteps));
  }
  return absl::OkStatus();
}

// The spec keeps task 0's theta; its size is known only here.
absl::Status CheckKept(const ParameterLayout& layout) {
  if (layout.coordinates() <= kMaxKeptCoordinates) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "keep_theta keeps tasks of at most %d coordinates, and this one has %d; "
      "choose a smaller task, or leave keep_theta out",
      kMaxKeptCoordinates, layout.coordinates()));
}

absl::StatusOr<RngStream> StreamOf(v1::EvaluationShard::Tasks tasks) {
  switch (tasks) {
    case v1::EvaluationShard::VALIDATION:
      return RngStream::kValidation;
    case v1::EvaluationShard::TUNING:
      return RngStream::kTuning;
    case v1::EvaluationShard::TEST:
      return RngStream::kTest;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("an evaluation on tasks of an unknown kind, ", tasks));
  }
}

// As a failure names it.
std::string WorkOf(const v1::Lease& lease) {
  if (lease.has_evaluation()) {
    return absl::StrFormat("task %d of an evaluation",
                           lease.evaluation().task());
  }
  const v1::WindowShard& shard = lease.window();
  return absl::StrFormat("window %d of unroll %d in lane %d", shard.window(),
                         shard.unroll(), shard.lane());
}

v1::FetchPhiRequest SourceOf(const std::string& run_id, int64_t phi_version) {
  v1::FetchPhiRequest source;
  source.mutable_run()->set_run_id(run_id);
  source.mutable_run()->set_phi_version(phi_version);
  return source;
}

// A failure's text as the server takes it: a path in the message may hold any
// bytes, but a proto string must be UTF-8.
std::string FailureText(const absl::Status& status) {
  std::string text = status.ToString().substr(0, kMaxFailureChars);
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text;
}

}  // namespace

ShardRunner::ShardRunner(std::filesystem::path data_dir,
                         int64_t lane_memory_bytes, PhiCache::Fetch fetch_phi)
    : families_(std::move(data_dir)),
      phis_(kPhiCacheBytes, std::move(fetch_phi)),
      lanes_(lane_memory_bytes) {}

absl::StatusOr<ShardOutcome> ShardRunner::Run(const v1::Lease& lease) {
  ShardOutcome outcome;
  outcome.submission.set_lease_id(lease.lease_id());
  absl::Status status;
  try {
    status = Compute(lease, outcome);
  } catch (const std::bad_alloc&) {
    // Uncaught it would end the worker, and the next that gets the shard.
    status = absl::ResourceExhaustedError(absl::StrCat(
        "no memory for ", WorkOf(lease),
        "; choose a smaller task, rule or window, or a larger worker"));
  }
  if (absl::IsUnavailable(status) || absl::IsCancelled(status)) return status;
  if (!status.ok()) outcome.submission.set_failure(FailureText(status));
  return outcome;
}

void ShardRunner::Settle(ShardOutcome outcome,
                         v1::SubmitResultResponse::Disposition disposition) {
  const bool taken = disposition == v1::SubmitResultResponse::ACCEPTED ||
                     disposition == v1::SubmitResultResponse::DUPLICATE;
  if (taken || !outcome.before) return;
  auto& [run_id, lane, state] = *outcome.before;
  lanes_.Put(run_id, lane, std::move(state));
}

absl::Status ShardRunner::Compute(const v1::Lease& lease,
                                  ShardOutcome& outcome) {
  // A resolved spec passes unchanged; any other is not worth a crash.
  METASTEP_ASSIGN_OR_RETURN(const v1::RunSpec spec,
                            ResolveRunSpec(lease.spec()));
  if (!lease.phi().empty()) METASTEP_RETURN_IF_ERROR(KeepPhi(spec, lease));
  switch (lease.work_case()) {
    case v1::Lease::kWindow:
      return RunWindow(spec, lease, outcome);
    case v1::Lease::kEvaluation:
      return RunEvaluation(spec, lease, outcome);
    case v1::Lease::WORK_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("a lease without work");
}

absl::Status ShardRunner::RunWindow(const v1::RunSpec& spec,
                                    const v1::Lease& lease,
                                    ShardOutcome& outcome) {
  const v1::WindowShard& shard = lease.window();
  METASTEP_RETURN_IF_ERROR(CheckWindow(shard, spec));
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<const TaskFamily> family,
                            families_.Get(spec.task()));
  const auto learner = MakeTruncatedBptt(spec.training(), std::move(family));
  METASTEP_ASSIGN_OR_RETURN(WarmLane before, TakeLane(spec, lease, *learner));
  const bool replayed = before.window < shard.window();
  METASTEP_RETURN_IF_ERROR(ReplayForward(lease, *learner, before));

  METASTEP_ASSIGN_OR_RETURN(
      const auto phi,
      RunPhi(lease.run_id(), shard.phi_versions(shard.window())));
  WarmLane after{shard.unroll(), shard.window() + 1, before.state->Clone()};
  METASTEP_ASSIGN_OR_RETURN(const WindowOutcome window,
                            learner->RunWindow(phi->values, *after.state));

  v1::WindowResult& result = *outcome.submission.mutable_window();
  result.set_meta_gradient(FloatsToBytes(window.meta_gradient));
  result.mutable_losses()->Add(window.losses.begin(), window.losses.end());
  result.set_replayed(replayed);
  outcome.before = {lease.run_id(), shard.lane(), std::move(before)};
  // After the last window nothing is left: the next unroll starts afresh.
  if (after.window < Curriculum(spec.training()).WindowsOf(shard.unroll())) {
    lanes_.Put(lease.run_id(), shard.lane(), std::move(after));
  }
  return absl::OkStatus();
}

absl::StatusOr<WarmLane> ShardRunner::TakeLane(const v1::RunSpec& spec,
                                               const v1::Lease& lease,
                                               const Learner& learner) {
  const v1::WindowShard& shard = lease.window();
  std::optional<WarmLane> warm = lanes_.Take(lease.run_id(), shard.lane());
  if (warm && warm->unroll == shard.unroll() &&
      warm->window <= shard.window()) {
    return *std::move(warm);
  }
  METASTEP_ASSIGN_OR_RETURN(
      auto state,
      learner.Start({.seed = spec.seed(),
                     .stream = RngStream::kTraining,
                     .lane = static_cast<uint32_t>(shard.lane()),
                     .unroll = static_cast<uint64_t>(shard.unroll())}));
  return WarmLane{shard.unroll(), /*window=*/0, std::move(state)};
}

absl::Status ShardRunner::ReplayForward(const v1::Lease& lease,
                                        const Learner& learner,
                                        WarmLane& lane) {
  const v1::WindowShard& shard = lease.window();
  for (; lane.window < shard.window(); ++lane.window) {
    METASTEP_ASSIGN_OR_RETURN(
        const auto phi,
        RunPhi(lease.run_id(), shard.phi_versions(lane.window)));
    METASTEP_RETURN_IF_ERROR(learner.Replay(phi->values, *lane.state));
  }
  return absl::OkStatus();
}

absl::Status ShardRunner::RunEvaluation(const v1::RunSpec& spec,
                                        const v1::Lease& lease,
                                        ShardOutcome& outcome) {
  const v1::EvaluationShard& shard = lease.evaluation();
  METASTEP_RETURN_IF_ERROR(CheckEvaluation(shard));
  METASTEP_ASSIGN_OR_RETURN(const RngStream stream,
                            StreamOf(shard.tasks_from()));
  METASTEP_ASSIGN_OR_RETURN(const auto family, families_.Get(spec.task()));
  const std::unique_ptr<Task> task =
      family->Make({.seed = spec.seed(),
                    .stream = stream,
                    .lane = static_cast<uint32_t>(shard.task())});
  METASTEP_ASSIGN_OR_RETURN(const auto rule, RuleOf(lease, task->layout()));
  const bool keep = spec.evaluation().keep_theta() && shard.task() == 0;
  if (keep) METASTEP_RETURN_IF_ERROR(CheckKept(task->layout()));
  std::vector<float> theta;
  METASTEP_ASSIGN_OR_RETURN(
      const std::vector<double> losses,
      LossCurveOf(*rule, *task, shard.steps(), keep ? &theta : nullptr));
  v1::EvaluationResult& result = *outcome.submission.mutable_evaluation();
  result.mutable_losses()->Add(losses.begin(), losses.end());
  result.set_final_theta(FloatsToBytes(theta));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<const UpdateRule>> ShardRunner::RuleOf(
    const v1::Lease& lease, const ParameterLayout& layout) {
  const v1::EvaluationShard& shard = lease.evaluation();
  absl::StatusOr<std::shared_ptr<const Phi>> phi =
      absl::InvalidArgumentError("an evaluation without a rule");
  switch (shard.rule_case()) {
    case v1::EvaluationShard::kHandDesigned:
      return MakeHandDesignedRule(shard.hand_designed());
    case v1::EvaluationShard::kPhiVersion:
      phi = RunPhi(lease.run_id(), shard.phi_version());
      break;
    case v1::EvaluationShard::kModel: {
      v1::FetchPhiRequest source;
      *source.mutable_model() = shard.model();
      phi = phis_.Get(source);
      break;
    }
    case v1::EvaluationShard::RULE_NOT_SET:
      break;
  }
  METASTEP_RETURN_IF_ERROR(phi.status());
  return MakeLearnedRule((*phi)->rules, layout, (*phi)->values);
}

absl::StatusOr<std::shared_ptr<const Phi>> ShardRunner::RunPhi(
    const std::string& run_id, int64_t phi_version) {
  return phis_.Get(SourceOf(run_id, phi_version));
}

absl::Status ShardRunner::KeepPhi(const v1::RunSpec& spec,
                                  const v1::Lease& lease) {
  v1::FetchPhiResponse answer;
  answer.set_phi(lease.phi());
  *answer.mutable_rules() = spec.training().rules();
  return phis_.Put(SourceOf(lease.run_id(), lease.round()), answer);
}

}  // namespace metastep
