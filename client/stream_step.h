// A step that is too large for one message.
#ifndef METASTEP_CLIENT_STREAM_STEP_H_
#define METASTEP_CLIENT_STREAM_STEP_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "metastep/v1/step_service.grpc.pb.h"

namespace metastep {

// Takes the step that `begin` says by a StepStream of its own. It sends and
// receives at once, chunk by chunk, on gRPC's threads, so neither side waits
// for the other to read. Gradient and update have the coordinates that `begin`
// says. Errors, with some of `update` written: the server's; Internal: what it
// answered is no answer to this step.
absl::Status StepByStream(v1::StepService::StubInterface& stub,
                          const v1::StepBegin& begin,
                          absl::Span<const float> gradient,
                          absl::Span<float> update, absl::Duration timeout);

}  // namespace metastep

#endif  // METASTEP_CLIENT_STREAM_STEP_H_
