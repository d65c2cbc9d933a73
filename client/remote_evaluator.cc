#include "client/remote_evaluator.h"

#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "base/thread_pool.h"
#include "client/remote_optimizer.h"
#include "rpc/error_reason.h"
#include "rpc/loss_curve.h"

namespace metastep {
namespace {

// Enough to keep the server busy while a round trip is under way.
constexpr int kSessionsAtOnce = 4;

std::vector<v1::TensorSpec> TensorsOf(const ParameterLayout& layout) {
  std::vector<v1::TensorSpec> specs;
  for (const ParameterTensor& tensor : layout.tensors()) {
    v1::TensorSpec& spec = specs.emplace_back();
    spec.set_name(tensor.name);
    spec.mutable_shape()->Assign(tensor.shape.begin(), tensor.shape.end());
  }
  return specs;
}

RemoteOptimizer::Rule RuleOf(const v1::EvaluationEntry& entry) {
  if (entry.has_model()) return entry.model();
  return entry.hand_designed();
}

// A rule whose gradients overflow has diverged; that is a result.
bool IsDivergence(const absl::Status& status) {
  const auto info = GetErrorInfo(status);
  return info && info->reason() == kReasonGradientNotFinite;
}

}  // namespace

RemoteEvaluator::RemoteEvaluator(std::shared_ptr<grpc::Channel> channel,
                                 const TaskFamily& family, uint64_t seed,
                                 ProgressLine& progress,
                                 const Cancellation& cancellation,
                                 const RemoteOptimizerOptions& session_options)
    : channel_(std::move(channel)),
      family_(family),
      seed_(seed),
      progress_(progress),
      cancellation_(cancellation),
      session_options_(session_options) {}

absl::StatusOr<std::vector<double>> RemoteEvaluator::Unroll(
    const v1::EvaluationEntry& entry, Task& task, int steps) const {
  METASTEP_ASSIGN_OR_RETURN(
      RemoteOptimizer optimizer,
      RemoteOptimizer::Open(channel_, RuleOf(entry), TensorsOf(task.layout()),
                            session_options_));
  const auto n = static_cast<size_t>(task.layout().coordinates());
  std::vector<float> theta(n), gradient(n), update(n);
  task.InitialTheta(absl::MakeSpan(theta));
  std::vector<double> losses;
  losses.reserve(steps + 1);
  for (int t = 0; t <= steps; ++t) {
    METASTEP_RETURN_IF_ERROR(cancellation_.status());
    METASTEP_ASSIGN_OR_RETURN(
        const double loss, task.Evaluate(t, theta, absl::MakeSpan(gradient)));
    losses.push_back(loss);
    if (t == steps) break;
    const absl::Status stepped =
        optimizer.Step(gradient, absl::MakeSpan(update));
    if (IsDivergence(stepped)) break;
    METASTEP_RETURN_IF_ERROR(stepped);
    for (size_t i = 0; i < n; ++i) theta[i] += update[i];
  }
  losses.resize(steps + 1, std::numeric_limits<double>::infinity());
  return losses;
}

absl::StatusOr<std::vector<std::vector<double>>> RemoteEvaluator::UnrollAll(
    const v1::EvaluationSpec& what) const {
  const RngStream stream = what.tasks_from() == v1::EvaluationSpec::TUNING
                               ? RngStream::kTuning
                               : RngStream::kTest;
  const int total = what.entries_size() * what.tasks();
  std::vector<std::vector<double>> unrolls(total);
  Mutex mu;
  absl::Status first_error;  // guarded by mu, as `done` and the progress line
  int done = 0;
  const auto run = [&](int i) {
    {
      MutexLock lock(mu);
      if (!first_error.ok()) return;
    }
    const auto task =
        family_.Make({seed_, stream, static_cast<uint32_t>(i % what.tasks())});
    auto losses = Unroll(what.entries(i / what.tasks()), *task, what.steps());
    MutexLock lock(mu);
    first_error.Update(losses.status());
    if (losses.ok()) unrolls[i] = *std::move(losses);
    progress_.Show(absl::StrFormat("remote unroll %d/%d", ++done, total));
  };
  {
    ThreadPool pool(kSessionsAtOnce);
    for (int i = 0; i < total; ++i) pool.Schedule([&run, i] { run(i); });
  }
  progress_.Finish();
  METASTEP_RETURN_IF_ERROR(first_error);
  return unrolls;
}

absl::StatusOr<std::vector<v1::LossCurve>> RemoteEvaluator::Evaluate(
    const v1::EvaluationSpec& what) {
  METASTEP_ASSIGN_OR_RETURN(const auto unrolls, UnrollAll(what));
  const auto tasks = static_cast<size_t>(what.tasks());
  auto left = absl::MakeConstSpan(unrolls);  // those not yet averaged
  std::vector<v1::LossCurve> curves;
  curves.reserve(what.entries_size());
  for (const v1::EvaluationEntry& entry : what.entries()) {
    curves.push_back(MeanCurve(entry.label(), left.first(tasks)));
    left.remove_prefix(tasks);
  }
  return curves;
}

}  // namespace metastep
