#include "server/step_service.h"

#include <chrono>
#include <utility>

#include "base/status_macros.h"
#include "rpc/float_format.h"
#include "server/step_stream.h"
#include "server/unary_call.h"
#include "server/unary_step.h"

namespace metastep {
namespace {

using SteadyClock = std::chrono::steady_clock;

// A response that holds just the session.
template <typename Response>
absl::StatusOr<Response> Wrap(absl::StatusOr<v1::Session> session) {
  if (!session.ok()) return session.status();
  Response response;
  *response.mutable_session() = *std::move(session);
  return response;
}

// The answer of a call that has nothing to tell.
template <typename Response>
absl::StatusOr<Response> Empty(const absl::Status& done) {
  if (!done.ok()) return done;
  return Response();
}

void CountStep(SteadyClock::time_point arrived, const v1::StepRequest& request,
               const absl::StatusOr<v1::StepResponse>& response,
               StepMetrics& metrics) {
  metrics.received_bytes.Increment(
      static_cast<double>(request.gradient().size()));
  if (!response.ok()) return metrics.CountError(response.status());
  const auto bytes = static_cast<double>(response->update().size());
  metrics.sent_bytes.Increment(bytes);
  metrics.coordinates.Increment(
      bytes / static_cast<double>(BytesPerFloat(request.update_format())));
  const std::chrono::duration<double> took = SteadyClock::now() - arrived;
  metrics.duration.Observe(took.count());
}

}  // namespace

grpc::ServerUnaryReactor* StepServiceImpl::OpenSession(
    grpc::CallbackServerContext* context, const v1::OpenSessionRequest* request,
    v1::OpenSessionResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::OpenSessionResponse>(sessions_.Open(*request));
  });
}

grpc::ServerUnaryReactor* StepServiceImpl::Step(
    grpc::CallbackServerContext* context, const v1::StepRequest* request,
    v1::StepResponse* response) {
  const SteadyClock::time_point arrived = SteadyClock::now();
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  TakeUnaryStep(sessions_, *request,
                [this, reactor, request, response,
                 arrived](absl::StatusOr<v1::StepResponse> result) {
                  CountStep(arrived, *request, result, metrics_);
                  FinishWith(reactor, std::move(result), response);
                });
  return reactor;
}

grpc::ServerBidiReactor<v1::StepStreamRequest, v1::StepStreamResponse>*
StepServiceImpl::StepStream(grpc::CallbackServerContext* context) {
  return ServeStepStream(*context, sessions_, metrics_);
}

grpc::ServerUnaryReactor* StepServiceImpl::SaveSession(
    grpc::CallbackServerContext* context, const v1::SaveSessionRequest* request,
    v1::SaveSessionResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return sessions_.Save(request->session_id());
  });
}

grpc::ServerUnaryReactor* StepServiceImpl::RestoreSession(
    grpc::CallbackServerContext* context,
    const v1::RestoreSessionRequest* request,
    v1::RestoreSessionResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::RestoreSessionResponse>(sessions_.Restore(*request));
  });
}

grpc::ServerUnaryReactor* StepServiceImpl::DeleteSnapshot(
    grpc::CallbackServerContext* context,
    const v1::DeleteSnapshotRequest* request,
    v1::DeleteSnapshotResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Empty<v1::DeleteSnapshotResponse>(
        sessions_.DeleteSnapshot(request->snapshot_id()));
  });
}

grpc::ServerUnaryReactor* StepServiceImpl::CloseSession(
    grpc::CallbackServerContext* context,
    const v1::CloseSessionRequest* request,
    v1::CloseSessionResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Empty<v1::CloseSessionResponse>(
        sessions_.Close(request->session_id()));
  });
}

grpc::ServerUnaryReactor* StepServiceImpl::ListSessions(
    grpc::CallbackServerContext* context,
    const v1::ListSessionsRequest* request,
    v1::ListSessionsResponse* response) {
  return RunUnary(context, pool_, response,
                  [this, request] { return sessions_.List(*request); });
}

}  // namespace metastep
