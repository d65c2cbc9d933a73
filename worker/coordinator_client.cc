#include "worker/coordinator_client.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "rpc/channel.h"
#include "rpc/status_conversion.h"

namespace metastep {
namespace {

using Stub = v1::CoordinatorService::StubInterface;

// Above the time for 4 MiB over a slow line.
constexpr absl::Duration kCallTimeout = absl::Seconds(10);
constexpr absl::Duration kHandBackTimeout = absl::Seconds(5);
constexpr int kLeaseWaitSeconds = 10;

}  // namespace

CoordinatorClient::CoordinatorClient(
    const std::shared_ptr<grpc::ChannelInterface>& channel,
    const RetryOptions& retry)
    : stub_(v1::CoordinatorService::NewStub(channel)), retry_(retry) {}

template <typename Request, typename Response>
absl::StatusOr<Response> CoordinatorClient::Call(
    Method<Request, Response> method, const Request& request,
    absl::Duration timeout, Cancellation& cancellation) {
  Response response;
  const absl::Status status = RetryUnavailable(
      retry_, [&](absl::Duration pause) { return cancellation.Sleep(pause); },
      [&] {
        grpc::ClientContext context;
        SetTimeout(context, timeout);
        const Cancellation::Scope scope(cancellation, context);
        return OutOfReachIsUnavailable(FromGrpcStatus(
            (stub_.get()->*method)(&context, request, &response)));
      });
  if (status.ok()) return response;
  return cancellation.cancelled() ? cancellation.status() : status;
}

absl::StatusOr<v1::RegisterWorkerResponse> CoordinatorClient::RegisterWorker(
    const v1::RegisterWorkerRequest& request, Cancellation& cancellation) {
  return Call(&Stub::RegisterWorker, request, kCallTimeout, cancellation);
}

absl::StatusOr<v1::LeaseShardResponse> CoordinatorClient::LeaseShard(
    v1::LeaseShardRequest request, Cancellation& cancellation) {
  request.mutable_wait()->set_seconds(kLeaseWaitSeconds);
  return Call(&Stub::LeaseShard, std::as_const(request),
              absl::Seconds(kLeaseWaitSeconds) + kCallTimeout, cancellation);
}

absl::StatusOr<v1::HeartbeatResponse> CoordinatorClient::Heartbeat(
    const v1::HeartbeatRequest& request, Cancellation& cancellation) {
  return Call(&Stub::Heartbeat, request, kCallTimeout, cancellation);
}

absl::StatusOr<v1::SubmitResultResponse> CoordinatorClient::SubmitResult(
    const v1::SubmitResultRequest& request, Cancellation& cancellation) {
  return Call(&Stub::SubmitResult, request, kCallTimeout, cancellation);
}

absl::StatusOr<v1::FetchPhiResponse> CoordinatorClient::FetchPhi(
    const v1::FetchPhiRequest& request, Cancellation& cancellation) {
  return Call(&Stub::FetchPhi, request, kCallTimeout, cancellation);
}

void CoordinatorClient::HandBack(const std::string& worker_id,
                                 const std::vector<std::string>& lease_ids) {
  const absl::Time deadline = absl::Now() + kHandBackTimeout;
  for (const std::string& lease_id : lease_ids) {
    v1::SubmitResultRequest request;
    request.set_worker_id(worker_id);
    request.set_lease_id(lease_id);
    request.mutable_hand_back();
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    v1::SubmitResultResponse response;
    if (!stub_->SubmitResult(&context, request, &response).ok()) return;
  }
}

}  // namespace metastep
