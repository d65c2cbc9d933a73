// StepService.StepStream: one reactor for each stream.
#ifndef METASTEP_SERVER_STEP_STREAM_H_
#define METASTEP_SERVER_STEP_STREAM_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include "metastep/v1/step_service.pb.h"
#include "server/session_store.h"
#include "server/step_metrics.h"

namespace metastep {

// Serves a stream to its end, and then deletes itself. It holds one message of
// each direction; gradients and updates are otherwise in the session's memory.
// A message is read when the one before it was taken, and the next step's first
// message is taken when the update before it was written: a client that does
// not read is not read from. The arguments must outlive the stream.
grpc::ServerBidiReactor<v1::StepStreamRequest, v1::StepStreamResponse>*
ServeStepStream(const grpc::CallbackServerContext& context,
                SessionStore& sessions, StepMetrics& metrics);

}  // namespace metastep

#endif  // METASTEP_SERVER_STEP_STREAM_H_
