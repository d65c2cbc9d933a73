// RunService over the coordinator: transport only.
#ifndef METASTEP_SERVER_RUN_SERVICE_H_
#define METASTEP_SERVER_RUN_SERVICE_H_

#include "base/thread_pool.h"
#include "metastep/v1/run_service.grpc.pb.h"
#include "server/coordinator.h"

namespace metastep {

// See run_service.proto. Both arguments must outlive it. Thread-safe.
class RunServiceImpl final : public v1::RunService::CallbackService {
 public:
  // Calls that read or write the store run on `pool`.
  RunServiceImpl(Coordinator& coordinator, ThreadPool& pool)
      : coordinator_(coordinator), pool_(pool) {}

  grpc::ServerUnaryReactor* CreateRun(grpc::CallbackServerContext* context,
                                      const v1::CreateRunRequest* request,
                                      v1::CreateRunResponse* response) override;
  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context,
                                   const v1::GetRunRequest* request,
                                   v1::GetRunResponse* response) override;
  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context,
                                     const v1::ListRunsRequest* request,
                                     v1::ListRunsResponse* response) override;
  grpc::ServerUnaryReactor* CancelRun(grpc::CallbackServerContext* context,
                                      const v1::CancelRunRequest* request,
                                      v1::CancelRunResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      grpc::CallbackServerContext* context,
      const v1::WatchRunRequest* request) override;
  grpc::ServerUnaryReactor* ListRounds(
      grpc::CallbackServerContext* context,
      const v1::ListRoundsRequest* request,
      v1::ListRoundsResponse* response) override;
  grpc::ServerUnaryReactor* ListWorkers(
      grpc::CallbackServerContext* context,
      const v1::ListWorkersRequest* request,
      v1::ListWorkersResponse* response) override;

 private:
  Coordinator& coordinator_;
  ThreadPool& pool_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_RUN_SERVICE_H_
