// The worker: leases shards from a coordinator, computes and submits them.
#ifndef METASTEP_WORKER_WORKER_H_
#define METASTEP_WORKER_WORKER_H_

#include <grpcpp/impl/codegen/channel_interface.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/version.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "rpc/cancellation.h"
#include "rpc/retry.h"
#include "worker/coordinator_client.h"
#include "worker/shard_runner.h"

namespace metastep {

struct WorkerOptions {
  // For people, host:pid; 1 to 128 characters.
  std::string name;
  // The server must be of the same; a program gives kBuildVersion.
  std::string version = kVersion;
  // Shards computed at once, 1 to 1024; a thread for each.
  int slots = 1;
  // Data sets are read under it.
  std::filesystem::path data_dir = ".";
  // Bound on the lane states that are kept and not being worked on.
  int64_t lane_memory_bytes = int64_t{1} << 30;
  // How a server out of reach is waited for. The backoff stays below a lease's
  // usual duration, so that a server that restarts finds its workers in time.
  RetryOptions retry = {.max_backoff = absl::Seconds(2)};
  // After Drain, the time for the shards in work.
  absl::Duration drain_timeout = absl::Seconds(30);
};

// A worker with one thread for each slot and one for heartbeats. Each slot
// leases a shard (a long-poll that names the warm lanes), computes it, submits
// it, and goes on with the lease that the answer carries until one carries
// none; a heartbeat keeps the leases in work, and the registration, alive. A
// server that does not know the worker is one that has restarted: the worker
// registers again and goes on, warm lanes included.
//
// A computation cannot be interrupted. So Run may return while slots still
// compute; they reach nothing outside the process any more, and the destructor
// waits for them. A process that does not want to wait ends itself.
//
// Thread-safe; Run is called once.
class Worker {
 public:
  Worker(const WorkerOptions& options,
         const std::shared_ptr<grpc::ChannelInterface>& channel);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Works until Drain: then OK, once the shards in work are submitted, or
  // handed back after drain_timeout. Errors: Unavailable: the server was out of
  // reach for retry.give_up_after; FailedPrecondition: the server is of another
  // version, or so many slots would compute wrong numbers (CheckTorchThreads);
  // any other error of the server's that the contract does not foresee.
  absl::Status Run();

  // Takes no new lease and lets Run finish. May be called at any time.
  void Drain();

 private:
  // Registers. Every thread that finds the worker unknown by `known_id` comes
  // here: the first one registers, the others find that the id has changed. A
  // worker that takes no more leases need not be known.
  absl::Status Register(const std::string& known_id);
  void StartThreads();
  // Waits for Drain or a failure, and for the shards in work.
  void WaitForSlots();
  void HandBackLeases();
  // Ends all waiting. The status is Run's, unless it is already stopping.
  void Stop(const absl::Status& status);

  void WorkInSlot();
  absl::Status LeaseAndWork();
  // Both return the lease that the submission's answer carried, if any; WorkOn
  // keeps none after Drain.
  absl::StatusOr<std::optional<v1::Lease>> WorkOn(const std::string& worker_id,
                                                  const v1::Lease& lease);
  absl::StatusOr<std::optional<v1::Lease>> ComputeAndSubmit(
      const std::string& worker_id, const v1::Lease& lease);
  void KeepAlive();
  absl::Status SendHeartbeat();

  std::string worker_id() const;
  absl::Duration heartbeat_interval() const;

  // Constant after construction.
  const WorkerOptions options_;

  // Provide their own synchronisation.
  Cancellation leasing_;  // by Drain and Stop
  Cancellation calls_;    // by Stop
  CoordinatorClient client_;
  ShardRunner runner_;

  Mutex register_mu_ ABSL_ACQUIRED_BEFORE(mu_);  // held while registering

  // State below is protected by mu_.
  mutable Mutex mu_;
  CondVar changed_;  // a slot has ended, or a cancellation
  std::string worker_id_ ABSL_GUARDED_BY(mu_);
  absl::Duration heartbeat_interval_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> leases_in_work_ ABSL_GUARDED_BY(mu_);
  int working_slots_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mu_);

  std::vector<std::thread> threads_;  // touched by Run and the destructor
};

}  // namespace metastep

#endif  // METASTEP_WORKER_WORKER_H_
