// The session that a step is for, whichever call brings the step.
#ifndef METASTEP_SERVER_STEP_SESSION_H_
#define METASTEP_SERVER_STEP_SESSION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "rpc/float_format.h"
#include "server/session_store.h"

namespace metastep {

// `Request` is a StepRequest or a StepBegin. Errors: InvalidArgument: a format
// that is none; NotFound: no such session.
template <typename Request>
absl::StatusOr<std::shared_ptr<Session>> SessionOf(SessionStore& sessions,
                                                   const Request& request) {
  METASTEP_RETURN_IF_ERROR(
      CheckFloatFormat("gradient_format", request.gradient_format()));
  METASTEP_RETURN_IF_ERROR(
      CheckFloatFormat("update_format", request.update_format()));
  return sessions.Use(request.session_id());
}

}  // namespace metastep

#endif  // METASTEP_SERVER_STEP_SESSION_H_
