// StepService over the session store: transport and metrics only.
#ifndef METASTEP_SERVER_STEP_SERVICE_H_
#define METASTEP_SERVER_STEP_SERVICE_H_

#include "base/thread_pool.h"
#include "metastep/v1/step_service.grpc.pb.h"
#include "server/session_store.h"
#include "server/step_metrics.h"

namespace metastep {

// See step_service.proto. The arguments must outlive it. Thread-safe.
class StepServiceImpl final : public v1::StepService::CallbackService {
 public:
  // Steps are computed by the store's own threads; every other call runs on
  // `pool`, for it allocates or writes.
  StepServiceImpl(SessionStore& sessions, StepMetrics& metrics,
                  ThreadPool& pool)
      : sessions_(sessions), metrics_(metrics), pool_(pool) {}

  grpc::ServerUnaryReactor* OpenSession(
      grpc::CallbackServerContext* context,
      const v1::OpenSessionRequest* request,
      v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* Step(grpc::CallbackServerContext* context,
                                 const v1::StepRequest* request,
                                 v1::StepResponse* response) override;
  grpc::ServerBidiReactor<v1::StepStreamRequest, v1::StepStreamResponse>*
  StepStream(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* SaveSession(
      grpc::CallbackServerContext* context,
      const v1::SaveSessionRequest* request,
      v1::SaveSessionResponse* response) override;
  grpc::ServerUnaryReactor* RestoreSession(
      grpc::CallbackServerContext* context,
      const v1::RestoreSessionRequest* request,
      v1::RestoreSessionResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSnapshot(
      grpc::CallbackServerContext* context,
      const v1::DeleteSnapshotRequest* request,
      v1::DeleteSnapshotResponse* response) override;
  grpc::ServerUnaryReactor* CloseSession(
      grpc::CallbackServerContext* context,
      const v1::CloseSessionRequest* request,
      v1::CloseSessionResponse* response) override;
  grpc::ServerUnaryReactor* ListSessions(
      grpc::CallbackServerContext* context,
      const v1::ListSessionsRequest* request,
      v1::ListSessionsResponse* response) override;

 private:
  SessionStore& sessions_;
  StepMetrics& metrics_;
  ThreadPool& pool_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_STEP_SERVICE_H_
