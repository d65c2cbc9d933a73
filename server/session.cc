#include "server/session.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "optimizer/rule_factory.h"
#include "rpc/error_reason.h"
#include "rpc/float_format.h"
#include "rpc/proto_time.h"

namespace metastep {
namespace {

constexpr int64_t kFloatBytes = sizeof(float);

int64_t StateBytes(v1::FloatFormat format, const UpdateRule& rule,
                   int64_t coordinates) {
  return BytesPerFloat(format) * rule.StateFloats(coordinates);
}

absl::Status StepGap(int64_t step, int64_t next) {
  const std::string repeat =
      next == 1 ? "" : absl::StrFormat(", or repeat step %d", next - 1);
  return WithReason(absl::FailedPreconditionError(absl::StrFormat(
                        "step is %d; send step %d%s", step, next, repeat)),
                    kReasonStepGap, {{"expected_step", absl::StrCat(next)}});
}

// For a call that has the turn, which it loses on an error.
absl::StatusOr<std::shared_ptr<SessionStep>> MakeStep(
    const std::shared_ptr<SessionCore>& core, int64_t step,
    const SessionStep::Listener& listener) {
  const int64_t next = core->next_step;
  const bool repeated = step == next - 1 && !core->update.empty();
  if (step == next || repeated) {
    return std::make_shared<SessionStep>(core, step, listener);
  }
  core->turn.GiveBack();
  return StepGap(step, next);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const UpdateRule>> MakeRule(
    const SessionPlan& plan) {
  const PinnedOptimizer& optimizer = plan.optimizer;
  if (optimizer.model == nullptr) {
    auto rule = MakeHandDesignedRule(optimizer.hand_designed);
    if (!rule.ok()) return WithReason(rule.status(), kReasonRuleSpec);
    return rule;
  }
  auto rule = MakeLearnedRule(optimizer.model->info.rules(), plan.layout,
                              optimizer.model->phi);
  if (!rule.ok()) return WithReason(rule.status(), kReasonTensorSpec);
  return *std::move(rule);
}

int64_t SessionBytes(const SessionPlan& plan, const UpdateRule& rule) {
  const int64_t coordinates = plan.layout.coordinates();
  int64_t bytes = StateBytes(plan.state_format, rule, coordinates) +
                  2 * kFloatBytes * coordinates;
  if (plan.optimizer.model != nullptr) {
    // As the model has it, as a rule's, by row and transposed.
    constexpr int64_t kCopies = 4;
    bytes += kCopies * kFloatBytes *
             static_cast<int64_t>(plan.optimizer.model->phi.size());
  }
  for (const ParameterTensor& tensor : plan.layout.tensors()) {
    constexpr int64_t kCopies = 2;  // the plan's and the core's
    bytes +=
        kCopies * static_cast<int64_t>(sizeof(tensor) + tensor.name.size() +
                                       sizeof(int64_t) * tensor.shape.size());
  }
  return bytes;
}

Session::Session(SessionPlan plan, std::unique_ptr<const UpdateRule> rule,
                 SessionBudget::Room room, SessionProgress progress,
                 const StepResources& resources)
    : plan_(std::move(plan)) {
  std::vector<StepTask> tasks = PlanStep(*rule, plan_.layout.coordinates());
  core_ = std::shared_ptr<SessionCore>(
      new SessionCore{.room = std::move(room),
                      .resources = resources,
                      .layout = plan_.layout,
                      .rule = std::move(rule),
                      .tasks = std::move(tasks),
                      .turn = {},
                      .next_step = progress.next_step,
                      .update = std::move(progress.update),
                      .state = std::move(progress.state),
                      .pending = {}});
}

void Session::Begin(int64_t step, SessionStep::Listener listener,
                    std::function<void()> wanted, const Begun& begun) {
  const absl::Status taken = core_->turn.Take(
      {.start = [core = core_, step, listener = std::move(listener),
                 begun] { begun(MakeStep(core, step, listener)); },
       .wanted = std::move(wanted)});
  if (!taken.ok()) begun(taken);
}

absl::StatusOr<SessionProgress> Session::Progress() {
  Mutex mu;
  CondVar started;
  bool has_turn = false;  // guarded by mu
  METASTEP_RETURN_IF_ERROR(core_->turn.Take({.start =
                                                 [&] {
                                                   MutexLock lock(mu);
                                                   has_turn = true;
                                                   started.NotifyAll();
                                                 },
                                             .wanted = {}}));
  {
    MutexLock lock(mu);
    while (!has_turn) started.Wait(mu);
  }
  SessionProgress progress{.next_step = core_->next_step,
                           .update = core_->update,
                           .state = core_->state};
  core_->turn.GiveBack();
  return progress;
}

v1::Session Session::Describe(absl::Time expires) const {
  v1::Session session;
  session.set_session_id(plan_.session_id);
  if (plan_.optimizer.model != nullptr) {
    const v1::ModelInfo& info = plan_.optimizer.model->info;
    session.mutable_model()->set_name(info.name());
    session.mutable_model()->set_version(info.version());
  } else {
    *session.mutable_hand_designed() = plan_.optimizer.hand_designed;
  }
  const int64_t coordinates = plan_.layout.coordinates();
  session.set_coordinates(coordinates);
  session.set_state_bytes(
      StateBytes(plan_.state_format, *core_->rule, coordinates));
  session.set_state_format(plan_.state_format);
  session.set_next_step(core_->next_step);
  *session.mutable_opened() = ToTimestamp(plan_.opened);
  *session.mutable_ttl() = ToProtoDuration(plan_.ttl);
  *session.mutable_expires() = ToTimestamp(expires);
  return session;
}

}  // namespace metastep
