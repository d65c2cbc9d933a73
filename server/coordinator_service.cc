#include "server/coordinator_service.h"

#include <memory>
#include <utility>

#include "rpc/status_conversion.h"
#include "server/pending_wait.h"
#include "server/unary_call.h"

namespace metastep {
namespace {

// A call that waits in the coordinator. gRPC may be done with it, on another
// thread, before Start returns: the two share it.
class LeaseReactor final : public grpc::ServerUnaryReactor {
 public:
  static grpc::ServerUnaryReactor* Start(Coordinator& coordinator,
                                         const v1::LeaseShardRequest& request,
                                         v1::LeaseShardResponse* response) {
    const std::shared_ptr<LeaseReactor> reactor(new LeaseReactor(coordinator));
    reactor->self_ = reactor;
    reactor->wait_.Began(coordinator.LeaseShard(
        request, [raw = reactor.get(),
                  response](absl::StatusOr<v1::LeaseShardResponse> result) {
          const grpc::Status status = ToGrpcStatus(result.status());
          if (result.ok()) *response = *std::move(result);
          raw->Finish(status);
        }));
    return reactor.get();
  }

  void OnCancel() override { wait_.Cancel(); }
  void OnDone() override { self_.reset(); }

 private:
  explicit LeaseReactor(Coordinator& coordinator)
      : wait_([&coordinator](int64_t token) {
          coordinator.CancelLeaseShard(token);
        }) {}

  PendingWait wait_;
  std::shared_ptr<LeaseReactor> self_;
};

}  // namespace

grpc::ServerUnaryReactor* CoordinatorServiceImpl::RegisterWorker(
    grpc::CallbackServerContext* context,
    const v1::RegisterWorkerRequest* request,
    v1::RegisterWorkerResponse* response) {
  return FinishUnary(context, coordinator_.RegisterWorker(*request), response);
}

grpc::ServerUnaryReactor* CoordinatorServiceImpl::LeaseShard(
    grpc::CallbackServerContext*, const v1::LeaseShardRequest* request,
    v1::LeaseShardResponse* response) {
  return LeaseReactor::Start(coordinator_, *request, response);
}

grpc::ServerUnaryReactor* CoordinatorServiceImpl::Heartbeat(
    grpc::CallbackServerContext* context, const v1::HeartbeatRequest* request,
    v1::HeartbeatResponse* response) {
  return FinishUnary(context, coordinator_.Heartbeat(*request), response);
}

grpc::ServerUnaryReactor* CoordinatorServiceImpl::SubmitResult(
    grpc::CallbackServerContext* context,
    const v1::SubmitResultRequest* request,
    v1::SubmitResultResponse* response) {
  return FinishUnary(context, coordinator_.SubmitResult(*request), response);
}

grpc::ServerUnaryReactor* CoordinatorServiceImpl::FetchPhi(
    grpc::CallbackServerContext* context, const v1::FetchPhiRequest* request,
    v1::FetchPhiResponse* response) {
  return RunUnary(context, pool_, response,
                  [this, request] { return coordinator_.FetchPhi(*request); });
}

}  // namespace metastep
