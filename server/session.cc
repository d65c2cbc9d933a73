#include "server/session.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "optimizer/rule_factory.h"
#include "rpc/error_reason.h"
#include "rpc/float_bytes.h"
#include "rpc/proto_time.h"

namespace metastep {
namespace {

constexpr int64_t kFloatBytes = sizeof(float);

absl::Status StepGap(int64_t step, int64_t next) {
  const std::string repeat =
      next == 1 ? "" : absl::StrFormat(", or repeat step %d", next - 1);
  return WithReason(absl::FailedPreconditionError(absl::StrFormat(
                        "step is %d; send step %d%s", step, next, repeat)),
                    kReasonStepGap, {{"expected_step", absl::StrCat(next)}});
}

absl::Status NotFinite(const CoordinatePlace& place, float value) {
  return WithReason(
      absl::InvalidArgumentError(absl::StrFormat(
          "gradient of tensor \"%s\" is %f at offset %d; leave this step out, "
          "or send it with a finite gradient",
          place.tensor, value, place.offset)),
      kReasonGradientNotFinite,
      {{"tensor", place.tensor}, {"offset", absl::StrCat(place.offset)}});
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
  int64_t bytes = kFloatBytes * (rule.StateFloats(coordinates) + coordinates);
  if (plan.optimizer.model != nullptr) {
    bytes +=
        kFloatBytes * static_cast<int64_t>(plan.optimizer.model->phi.size());
  }
  for (const ParameterTensor& tensor : plan.layout.tensors()) {
    bytes += static_cast<int64_t>(sizeof(tensor) + tensor.name.size() +
                                  sizeof(int64_t) * tensor.shape.size());
  }
  return bytes;
}

Session::Session(SessionPlan plan, std::unique_ptr<const UpdateRule> rule,
                 SessionBudget::Room room, SessionProgress progress)
    : plan_(std::move(plan)),
      rule_(std::move(rule)),
      room_(std::move(room)),
      next_step_(progress.next_step),
      update_(std::move(progress.update)),
      state_(std::move(progress.state)) {}

absl::StatusOr<std::string> Session::Step(int64_t step,
                                          absl::string_view gradient) {
  MutexLock lock(mu_);
  const int64_t next = next_step_;
  if (step == next - 1 && !update_.empty()) return FloatsToBytes(update_);
  if (step != next) return StepGap(step, next);
  METASTEP_RETURN_IF_ERROR(CheckGradientSize(gradient));
  const std::vector<float> floats = FloatsFromBytes(gradient);
  METASTEP_RETURN_IF_ERROR(CheckFinite(floats));
  // From here on nothing can fail.
  update_.resize(floats.size());
  rule_->Step(step, floats, absl::MakeSpan(state_), absl::MakeSpan(update_));
  next_step_ = next + 1;
  return FloatsToBytes(update_);
}

absl::Status Session::CheckGradientSize(absl::string_view gradient) const {
  const int64_t coordinates = plan_.layout.coordinates();
  if (static_cast<int64_t>(gradient.size()) == kFloatBytes * coordinates) {
    return absl::OkStatus();
  }
  return WithReason(
      absl::InvalidArgumentError(absl::StrFormat(
          "gradient has %d bytes; the session's %d coordinates need %d: send "
          "every tensor, in the order in which the session was opened",
          gradient.size(), coordinates, kFloatBytes * coordinates)),
      kReasonGradientShape);
}

absl::Status Session::CheckFinite(const std::vector<float>& gradient) const {
  for (size_t i = 0; i < gradient.size(); ++i) {
    if (std::isfinite(gradient[i])) continue;
    return NotFinite(plan_.layout.Place(static_cast<int64_t>(i)), gradient[i]);
  }
  return absl::OkStatus();
}

SessionProgress Session::Progress() const {
  MutexLock lock(mu_);
  return {.next_step = next_step_, .update = update_, .state = state_};
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
  session.set_state_bytes(kFloatBytes * rule_->StateFloats(coordinates));
  session.set_next_step(next_step_);
  *session.mutable_opened() = ToTimestamp(plan_.opened);
  *session.mutable_ttl() = ToProtoDuration(plan_.ttl);
  *session.mutable_expires() = ToTimestamp(expires);
  return session;
}

}  // namespace metastep
