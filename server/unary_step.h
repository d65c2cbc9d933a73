// A step whose gradient and update are one message each.
#ifndef METASTEP_SERVER_UNARY_STEP_H_
#define METASTEP_SERVER_UNARY_STEP_H_

#include <functional>

#include "absl/status/statusor.h"
#include "metastep/v1/step_service.pb.h"
#include "server/session_store.h"

namespace metastep {

// Takes the step and calls `done` once, with its answer or with one of the
// errors of StepService.Step: before it returns if the session is free and
// small, and else on another thread. The request must live until then.
void TakeUnaryStep(
    SessionStore& sessions, const v1::StepRequest& request,
    const std::function<void(absl::StatusOr<v1::StepResponse>)>& done);

}  // namespace metastep

#endif  // METASTEP_SERVER_UNARY_STEP_H_
