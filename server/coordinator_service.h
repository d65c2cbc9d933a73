// CoordinatorService over the coordinator: transport only.
#ifndef METASTEP_SERVER_COORDINATOR_SERVICE_H_
#define METASTEP_SERVER_COORDINATOR_SERVICE_H_

#include "base/thread_pool.h"
#include "metastep/v1/coordinator_service.grpc.pb.h"
#include "server/coordinator.h"

namespace metastep {

// See coordinator_service.proto. Both arguments must outlive it. Thread-safe.
class CoordinatorServiceImpl final
    : public v1::CoordinatorService::CallbackService {
 public:
  // Calls that read the registry's files run on `pool`.
  CoordinatorServiceImpl(Coordinator& coordinator, ThreadPool& pool)
      : coordinator_(coordinator), pool_(pool) {}

  grpc::ServerUnaryReactor* RegisterWorker(
      grpc::CallbackServerContext* context,
      const v1::RegisterWorkerRequest* request,
      v1::RegisterWorkerResponse* response) override;
  grpc::ServerUnaryReactor* LeaseShard(
      grpc::CallbackServerContext* context,
      const v1::LeaseShardRequest* request,
      v1::LeaseShardResponse* response) override;
  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) override;
  grpc::ServerUnaryReactor* SubmitResult(
      grpc::CallbackServerContext* context,
      const v1::SubmitResultRequest* request,
      v1::SubmitResultResponse* response) override;
  grpc::ServerUnaryReactor* FetchPhi(grpc::CallbackServerContext* context,
                                     const v1::FetchPhiRequest* request,
                                     v1::FetchPhiResponse* response) override;

 private:
  Coordinator& coordinator_;
  ThreadPool& pool_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_COORDINATOR_SERVICE_H_
