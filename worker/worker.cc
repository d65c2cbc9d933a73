#include "worker/worker.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "base/log_fields.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "optimizee/torch/threads.h"
#include "rpc/proto_time.h"

namespace metastep {
namespace {

// The server's heartbeat interval is taken within these limits.
constexpr absl::Duration kMinHeartbeatInterval = absl::Milliseconds(10);
constexpr absl::Duration kMaxHeartbeatInterval = absl::Minutes(1);

absl::Duration HeartbeatInterval(const v1::RegisterWorkerResponse& response) {
  return std::clamp(FromProtoDuration(response.heartbeat_interval()),
                    kMinHeartbeatInterval, kMaxHeartbeatInterval);
}

absl::Status Stopping() {
  return absl::CancelledError("the worker is stopping");
}

}  // namespace

Worker::Worker(const WorkerOptions& options,
               const std::shared_ptr<grpc::ChannelInterface>& channel)
    : options_(options),
      client_(channel, options.retry),
      runner_(options.data_dir, options.lane_memory_bytes,
              [this](const v1::FetchPhiRequest& request) {
                return client_.FetchPhi(request, calls_);
              }) {}

Worker::~Worker() {
  Stop(absl::OkStatus());
  for (std::thread& thread : threads_) thread.join();
}

absl::Status Worker::Run() {
  METASTEP_RETURN_IF_ERROR(CheckTorchThreads(options_.slots));
  METASTEP_RETURN_IF_ERROR(Register(/*known_id=*/""));
  StartThreads();
  WaitForSlots();
  if (!calls_.cancelled()) HandBackLeases();
  Stop(absl::OkStatus());
  MutexLock lock(mu_);
  return status_;
}

void Worker::Drain() {
  leasing_.Cancel(Stopping());
  MutexLock lock(mu_);
  changed_.NotifyAll();
}

absl::Status Worker::Register(const std::string& known_id) {
  MutexLock registering(register_mu_);
  if (leasing_.cancelled() || worker_id() != known_id) {
    return absl::OkStatus();
  }
  v1::RegisterWorkerRequest request;
  request.set_name(options_.name);
  request.set_slots(options_.slots);
  request.set_version(options_.version);
  const auto response = client_.RegisterWorker(request, leasing_);
  if (leasing_.cancelled()) return absl::OkStatus();
  METASTEP_RETURN_IF_ERROR(response.status());
  const LogFields fields{{"worker", response->worker_id()}};
  LogInfo("registered as %s: %s with %d slots", response->worker_id(),
          options_.name, options_.slots);
  MutexLock lock(mu_);
  worker_id_ = response->worker_id();
  heartbeat_interval_ = HeartbeatInterval(*response);
  return absl::OkStatus();
}

void Worker::StartThreads() {
  {
    MutexLock lock(mu_);
    working_slots_ = options_.slots;
  }
  threads_.emplace_back([this] { KeepAlive(); });
  for (int slot = 0; slot < options_.slots; ++slot) {
    threads_.emplace_back([this] { WorkInSlot(); });
  }
}

void Worker::WaitForSlots() {
  MutexLock lock(mu_);
  while (!leasing_.cancelled()) changed_.Wait(mu_);
  const absl::Time end = absl::Now() + options_.drain_timeout;
  while (working_slots_ > 0 && !calls_.cancelled() && absl::Now() < end) {
    changed_.WaitFor(mu_, end - absl::Now());
  }
}

void Worker::HandBackLeases() {
  std::string worker_id;
  std::vector<std::string> leases;
  {
    MutexLock lock(mu_);
    worker_id = worker_id_;
    leases.assign(leases_in_work_.begin(), leases_in_work_.end());
  }
  if (leases.empty()) return;
  const LogFields fields{{"worker", worker_id}};
  LogInfo("handing back %d leases still in work", leases.size());
  client_.HandBack(worker_id, leases);
}

void Worker::Stop(const absl::Status& status) {
  MutexLock lock(mu_);
  if (!leasing_.cancelled()) status_ = status;
  leasing_.Cancel(Stopping());
  calls_.Cancel(Stopping());
  changed_.NotifyAll();
}

void Worker::WorkInSlot() {
  UseOneTorchThread();
  while (!leasing_.cancelled()) {
    const absl::Status status = LeaseAndWork();
    // Cancelled by Drain is no reason to stop the other slots.
    if (!status.ok() && !absl::IsCancelled(status)) Stop(status);
  }
  MutexLock lock(mu_);
  --working_slots_;
  changed_.NotifyAll();
}

absl::Status Worker::LeaseAndWork() {
  v1::LeaseShardRequest request;
  request.set_worker_id(worker_id());
  *request.mutable_held() = runner_.held();
  auto response = client_.LeaseShard(request, leasing_);
  if (absl::IsNotFound(response.status())) {
    return Register(request.worker_id());
  }
  METASTEP_RETURN_IF_ERROR(response.status());
  std::optional<v1::Lease> lease;
  if (response->has_lease()) lease = std::move(*response->mutable_lease());
  while (lease) {
    METASTEP_ASSIGN_OR_RETURN(lease, WorkOn(request.worker_id(), *lease));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::Lease>> Worker::WorkOn(
    const std::string& worker_id, const v1::Lease& lease) {
  const LogFields fields{{"run", lease.run_id()},
                         {"round", lease.round()},
                         {"shard", lease.shard()},
                         {"worker", worker_id}};
  {
    MutexLock lock(mu_);
    leases_in_work_.insert(lease.lease_id());
  }
  auto next = ComputeAndSubmit(worker_id, lease);
  {
    MutexLock lock(mu_);
    leases_in_work_.erase(lease.lease_id());
  }
  METASTEP_RETURN_IF_ERROR(next.status());
  if (*next && leasing_.cancelled()) {
    client_.HandBack(worker_id, {(*next)->lease_id()});
    return std::nullopt;
  }
  return next;
}

absl::StatusOr<std::optional<v1::Lease>> Worker::ComputeAndSubmit(
    const std::string& worker_id, const v1::Lease& lease) {
  METASTEP_ASSIGN_OR_RETURN(ShardOutcome outcome, runner_.Run(lease));
  outcome.submission.set_worker_id(worker_id);
  if (!leasing_.cancelled()) {
    *outcome.submission.mutable_next() = runner_.held();
  }
  auto response = client_.SubmitResult(outcome.submission, calls_);
  METASTEP_RETURN_IF_ERROR(response.status());
  if (response->disposition() == v1::SubmitResultResponse::REJECTED) {
    LogWarning("shard %d of round %d of run %s was rejected: %s", lease.shard(),
               lease.round(), lease.run_id(), response->message());
  }
  runner_.Settle(std::move(outcome), response->disposition());
  if (!response->has_next_lease()) return std::nullopt;
  return std::move(*response->mutable_next_lease());
}

void Worker::KeepAlive() {
  while (calls_.Sleep(heartbeat_interval())) {
    const absl::Status status = SendHeartbeat();
    if (!status.ok()) Stop(status);
  }
}

absl::Status Worker::SendHeartbeat() {
  v1::HeartbeatRequest request;
  {
    MutexLock lock(mu_);
    request.set_worker_id(worker_id_);
    request.mutable_lease_ids()->Add(leases_in_work_.begin(),
                                     leases_in_work_.end());
  }
  // The answer names the leases that are lost. Their shards are computed to the
  // end all the same: the submission is answered LEASE_EXPIRED and counted.
  const auto response = client_.Heartbeat(request, calls_);
  if (absl::IsNotFound(response.status())) {
    return Register(request.worker_id());
  }
  return response.status();
}

std::string Worker::worker_id() const {
  MutexLock lock(mu_);
  return worker_id_;
}

absl::Duration Worker::heartbeat_interval() const {
  MutexLock lock(mu_);
  return heartbeat_interval_;
}

}  // namespace metastep
