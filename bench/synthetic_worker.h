// A worker that computes nothing, for measuring the coordinator.
#ifndef METASTEP_BENCH_SYNTHETIC_WORKER_H_
#define METASTEP_BENCH_SYNTHETIC_WORKER_H_

#include <grpcpp/client_context.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "metastep/v1/coordinator_service.grpc.pb.h"

namespace metastep {

// Leases windows and answers each at once with the same made-up result, over a
// connection of its own, as a worker of one slot does. It holds no thread:
// gRPC's call it back. Thread-safe.
class SyntheticWorker {
 public:
  // Registers with the server and begins. Errors: the server's.
  static absl::StatusOr<std::unique_ptr<SyntheticWorker>> Start(
      const std::string& address, const v1::WindowResult& result);
  // Cancels the call in flight and waits for it.
  ~SyntheticWorker();

  // Why it has stopped; OK while it works.
  absl::Status status() const;

 private:
  using Stub = v1::CoordinatorService::Stub;

  SyntheticWorker(std::unique_ptr<Stub> stub, const std::string& worker_id,
                  const v1::WindowResult& result);

  void Lease();
  void Submit(const v1::Lease& lease);
  // Ends a call; whether the next may begin.
  bool GoesOn(const grpc::Status& status);
  // The context of the next call; null: it is stopping.
  grpc::ClientContext* NextCall();
  void End() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::unique_ptr<Stub> stub_;

  // Of the one call that is in flight.
  v1::LeaseShardRequest lease_request_;
  v1::LeaseShardResponse lease_response_;
  v1::SubmitResultRequest result_;
  v1::SubmitResultResponse result_response_;

  mutable Mutex mu_;
  CondVar ended_;
  // The last call's; there is one until no further call begins.
  std::optional<grpc::ClientContext> call_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_BENCH_SYNTHETIC_WORKER_H_
