#include "server/run_service.h"

#include <memory>
#include <string>
#include <utility>

#include "rpc/status_conversion.h"
#include "server/pending_wait.h"
#include "server/unary_call.h"

namespace metastep {
namespace {

// Sends a run whenever it changed since the last write ended. gRPC may be done
// with it, on another thread, before Next returns: the two share it.
class WatchReactor final
    : public grpc::ServerWriteReactor<v1::WatchRunResponse>,
      public std::enable_shared_from_this<WatchReactor> {
 public:
  static WatchReactor* Start(Coordinator& coordinator, ThreadPool& pool,
                             const std::string& run_id) {
    const std::shared_ptr<WatchReactor> reactor(
        new WatchReactor(coordinator, run_id));
    reactor->self_ = reactor;
    // The first look may read the store.
    pool.Schedule([reactor] { reactor->Next(); });
    return reactor.get();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::CANCELLED);
    } else if (response_.run().state() != v1::Run::RUNNING) {
      Finish(grpc::Status::OK);
    } else {
      Next();
    }
  }
  void OnCancel() override { wait_.Cancel(); }
  void OnDone() override { self_.reset(); }

 private:
  WatchReactor(Coordinator& coordinator, std::string run_id)
      : coordinator_(coordinator),
        run_id_(std::move(run_id)),
        wait_([&coordinator](int64_t token) {
          coordinator.CancelWatch(token);
        }) {}

  void Next() {
    const std::shared_ptr<WatchReactor> keep = shared_from_this();
    wait_.Began(coordinator_.WatchRun(
        run_id_, seen_, [this](absl::StatusOr<v1::Run> run, int64_t revision) {
          if (!run.ok()) return Finish(ToGrpcStatus(run.status()));
          seen_ = revision;
          *response_.mutable_run() = *std::move(run);
          StartWrite(&response_);
        }));
  }

  Coordinator& coordinator_;
  const std::string run_id_;
  PendingWait wait_;
  std::shared_ptr<WatchReactor> self_;
  // Touched by one callback at a time: a wait, or the write that it started.
  int64_t seen_ = 0;
  v1::WatchRunResponse response_;
};

// A response that holds just the run.
template <typename Response>
absl::StatusOr<Response> Wrap(absl::StatusOr<v1::Run> run) {
  if (!run.ok()) return run.status();
  Response response;
  *response.mutable_run() = *std::move(run);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* RunServiceImpl::CreateRun(
    grpc::CallbackServerContext* context, const v1::CreateRunRequest* request,
    v1::CreateRunResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::CreateRunResponse>(coordinator_.CreateRun(*request));
  });
}

grpc::ServerUnaryReactor* RunServiceImpl::GetRun(
    grpc::CallbackServerContext* context, const v1::GetRunRequest* request,
    v1::GetRunResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::GetRunResponse>(coordinator_.GetRun(request->run_id()));
  });
}

grpc::ServerUnaryReactor* RunServiceImpl::ListRuns(
    grpc::CallbackServerContext* context, const v1::ListRunsRequest* request,
    v1::ListRunsResponse* response) {
  return RunUnary(context, pool_, response,
                  [this, request] { return coordinator_.ListRuns(*request); });
}

grpc::ServerUnaryReactor* RunServiceImpl::CancelRun(
    grpc::CallbackServerContext* context, const v1::CancelRunRequest* request,
    v1::CancelRunResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  // The run's end waits for the disk, and no thread with it.
  coordinator_.CancelRun(request->run_id(), [reactor, response](
                                                absl::StatusOr<v1::Run> run) {
    FinishWith(reactor, Wrap<v1::CancelRunResponse>(std::move(run)), response);
  });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchRunResponse>* RunServiceImpl::WatchRun(
    grpc::CallbackServerContext*, const v1::WatchRunRequest* request) {
  return WatchReactor::Start(coordinator_, pool_, request->run_id());
}

grpc::ServerUnaryReactor* RunServiceImpl::ListRounds(
    grpc::CallbackServerContext* context, const v1::ListRoundsRequest* request,
    v1::ListRoundsResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return coordinator_.ListRounds(*request);
  });
}

grpc::ServerUnaryReactor* RunServiceImpl::ListWorkers(
    grpc::CallbackServerContext* context, const v1::ListWorkersRequest*,
    v1::ListWorkersResponse* response) {
  return FinishUnary(
      context,
      absl::StatusOr<v1::ListWorkersResponse>(coordinator_.ListWorkers()),
      response);
}

}  // namespace metastep
