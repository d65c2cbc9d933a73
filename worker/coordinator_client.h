// The worker's calls to the coordinator.
#ifndef METASTEP_WORKER_COORDINATOR_CLIENT_H_
#define METASTEP_WORKER_COORDINATOR_CLIENT_H_

#include <grpcpp/impl/codegen/channel_interface.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "metastep/v1/coordinator_service.grpc.pb.h"
#include "rpc/cancellation.h"
#include "rpc/retry.h"

namespace metastep {

// CoordinatorService with deadlines and retries. Thread-safe.
//
// While the server is out of reach (UNAVAILABLE, or no answer by the deadline)
// a call is retried, as RetryOptions say. Errors of each call: the server's;
// Unavailable: out of reach for give_up_after; Cancelled: the cancellation was.
class CoordinatorClient {
 public:
  CoordinatorClient(const std::shared_ptr<grpc::ChannelInterface>& channel,
                    const RetryOptions& retry);

  absl::StatusOr<v1::RegisterWorkerResponse> RegisterWorker(
      const v1::RegisterWorkerRequest& request, Cancellation& cancellation);
  // Waits for a shard for up to 10 s, whatever the request's wait.
  absl::StatusOr<v1::LeaseShardResponse> LeaseShard(
      v1::LeaseShardRequest request, Cancellation& cancellation);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(
      const v1::HeartbeatRequest& request, Cancellation& cancellation);
  absl::StatusOr<v1::SubmitResultResponse> SubmitResult(
      const v1::SubmitResultRequest& request, Cancellation& cancellation);
  absl::StatusOr<v1::FetchPhiResponse> FetchPhi(
      const v1::FetchPhiRequest& request, Cancellation& cancellation);

  // Gives leases back, as far as the server is in reach: one attempt, and 5 s
  // for all of them. Those that it misses expire.
  void HandBack(const std::string& worker_id,
                const std::vector<std::string>& lease_ids);

 private:
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::CoordinatorService::StubInterface::*)(
      grpc::ClientContext*, const Request&, Response*);

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Method<Request, Response> method,
                                const Request& request, absl::Duration timeout,
                                Cancellation& cancellation);

  const std::unique_ptr<v1::CoordinatorService::StubInterface> stub_;
  const RetryOptions retry_;
};

}  // namespace metastep

#endif  // METASTEP_WORKER_COORDINATOR_CLIENT_H_
