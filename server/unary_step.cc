#include "server/unary_step.h"

#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "rpc/error_reason.h"
#include "rpc/float_format.h"
#include "rpc/message_limit.h"
#include "server/step_session.h"

namespace metastep {
namespace {

using Done = std::function<void(absl::StatusOr<v1::StepResponse>)>;

absl::Status CheckGradientSize(const v1::StepRequest& request,
                               int64_t coordinates) {
  const auto bytes = static_cast<int64_t>(request.gradient().size());
  const int64_t needed = coordinates * BytesPerFloat(request.gradient_format());
  if (bytes == needed) return absl::OkStatus();
  return WithReason(
      absl::InvalidArgumentError(absl::StrFormat(
          "gradient has %d bytes; the session's %d coordinates need %d: send "
          "every tensor, in the order in which the session was opened",
          bytes, coordinates, needed)),
      kReasonGradientShape);
}

absl::Status CheckUpdateSize(const v1::StepRequest& request,
                             int64_t coordinates) {
  const int64_t bytes = coordinates * BytesPerFloat(request.update_format());
  if (bytes <= kMaxPayloadBytes) return absl::OkStatus();
  return WithReason(
      absl::InvalidArgumentError(absl::StrFormat(
          "the update of %d coordinates has %d bytes, a message at most %d; "
          "send the step by StepStream",
          coordinates, bytes, kMaxPayloadBytes)),
      kReasonStepTooLarge);
}

// Of the whole update, once it is there.
v1::StepResponse Answer(const SessionStep& step, v1::FloatFormat format) {
  v1::StepResponse response;
  EncodeFloats(format, step.update(), *response.mutable_update());
  return response;
}

absl::Status TakeAll(const v1::StepRequest& request, SessionStep& step) {
  METASTEP_RETURN_IF_ERROR(CheckUpdateSize(request, step.coordinates()));
  if (step.repeated()) return absl::OkStatus();
  METASTEP_RETURN_IF_ERROR(CheckGradientSize(request, step.coordinates()));
  return step.Take(request.gradient_format(), request.gradient());
}

}  // namespace

void TakeUnaryStep(SessionStore& sessions, const v1::StepRequest& request,
                   const Done& done) {
  const auto session = SessionOf(sessions, request);
  if (!session.ok()) return done(session.status());
  const v1::FloatFormat format = request.update_format();
  const auto answer = [format, done](const SessionStep& step, int64_t ready) {
    if (ready == step.coordinates()) done(Answer(step, format));
  };
  (*session)->Begin(request.step(), answer, /*wanted=*/nullptr,
                    [&request, answer, done](auto step) {
                      if (!step.ok()) return done(step.status());
                      const absl::Status taken = TakeAll(request, **step);
                      if (!taken.ok()) return done(taken);
                      if ((*step)->repeated()) answer(**step, (*step)->ready());
                    });
}

}  // namespace metastep
