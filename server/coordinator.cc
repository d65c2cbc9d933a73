// The workers' side of the coordinator: leases, results, expiry.
#include "server/coordinator.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/log_fields.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "rpc/float_bytes.h"
#include "rpc/proto_time.h"
#include "server/request_checks.h"
#include "server/search_work.h"

namespace metastep {
namespace {

constexpr absl::Duration kMaxLeaseWait = absl::Seconds(60);
constexpr int kMaxSlots = 1024;
// A shard that three different workers could not compute is at fault itself.
constexpr size_t kMaxFailures = 3;
// It becomes part of the run, which must fit in a message.
constexpr size_t kMaxFailureBytes = 4096;

absl::Status UnknownWorker(const std::string& worker_id) {
  return absl::NotFoundError(
      absl::StrCat("worker \"", worker_id, "\" is not known; register again"));
}

// Log fields; null: the run has ended.
std::vector<LogField> About(const ShardLease& lease, const ActiveRun* run) {
  std::vector<LogField> fields = {{"run", lease.run_id},
                                  {"shard", lease.shard},
                                  {"worker", lease.worker_id}};
  if (run != nullptr) fields.emplace_back("round", run->round());
  return fields;
}

}  // namespace

Coordinator::Coordinator(const CoordinatorOptions& options, const Clock& clock,
                         RunStore& store, ModelRegistry& registry,
                         CoordinatorMetrics& metrics)
    : options_(options),
      clock_(clock),
      store_(store),
      registry_(registry),
      metrics_(metrics),
      leases_(RandomId(), options.lease_duration),
      workers_(RandomId().substr(0, 8), 3 * options.lease_duration) {}

Coordinator::~Coordinator() { Stop(); }

absl::StatusOr<std::unique_ptr<Coordinator>> Coordinator::Create(
    const CoordinatorOptions& options, const Clock& clock, RunStore& store,
    ModelRegistry& registry, CoordinatorMetrics& metrics) {
  std::unique_ptr<Coordinator> coordinator(
      new Coordinator(options, clock, store, registry, metrics));
  METASTEP_RETURN_IF_ERROR(coordinator->Resume());
  return coordinator;
}

absl::Status Coordinator::Resume() {
  METASTEP_ASSIGN_OR_RETURN(std::vector<StoredRun> running,
                            store_.LoadRunning());
  for (StoredRun& stored : running) {
    TrainingState state;
    if (stored.run.spec().has_training() && !IsSearch(stored.run.spec())) {
      METASTEP_ASSIGN_OR_RETURN(state,
                                store_.LoadTraining(stored.run.run_id()));
    }
    const LogFields fields(
        {{"run", stored.run.run_id()}, {"round", state.phi_version}});
    LogInfo("run %s resumes at round %d", stored.run.run_id(),
            state.phi_version);
    METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<RunWork> work,
                              MakeWork(stored.run, std::move(state)));
    METASTEP_RETURN_IF_ERROR(TakeUpResults(stored.run, *work));
    METASTEP_RETURN_IF_ERROR(TakeUpTrials(stored.run, *work));
    Activate(std::move(stored.run), std::move(work));
  }
  return absl::OkStatus();
}

void Coordinator::CountGauges() {
  metrics_.active_runs.Set(static_cast<double>(runs_.size()));
  metrics_.workers.Set(static_cast<double>(workers_.all().size()));
  metrics_.live_leases.Set(leases_.live());
  int pending = 0;
  for (const auto& [id, run] : runs_) pending += run->board().pending();
  metrics_.pending_shards.Set(pending);
}

absl::StatusOr<v1::RegisterWorkerResponse> Coordinator::RegisterWorker(
    const v1::RegisterWorkerRequest& request) {
  METASTEP_RETURN_IF_ERROR(CheckId("name", request.name()));
  if (request.slots() < 1 || request.slots() > kMaxSlots) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "slots is %d; it must be from 1 to %d", request.slots(), kMaxSlots));
  }
  if (request.version() != options_.version) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the worker's version is \"%s\", the server's \"%s\"; their results "
        "could differ: run the same build",
        request.version(), options_.version));
  }
  v1::RegisterWorkerResponse response;
  *response.mutable_heartbeat_interval() =
      ToProtoDuration(options_.lease_duration / 3);
  MutexLock lock(mu_);
  const WorkerRecord& worker =
      workers_.Register(request.name(), request.slots(), clock_.Now());
  response.set_worker_id(worker.worker_id);
  CountGauges();
  const LogFields fields{{"worker", worker.worker_id}};
  LogInfo("worker %s is %s with %d slots", worker.worker_id, worker.name,
          worker.slots);
  return response;
}

int64_t Coordinator::LeaseShard(const v1::LeaseShardRequest& request,
                                LeaseDone done) {
  const absl::Duration wait = FromProtoDuration(request.wait());
  if (wait < absl::ZeroDuration() || wait > kMaxLeaseWait) {
    done(absl::InvalidArgumentError(absl::StrCat(
        "wait is ", absl::FormatDuration(wait), "; it must be from 0 to ",
        absl::FormatDuration(kMaxLeaseWait))));
    return 0;
  }
  absl::StatusOr<v1::LeaseShardResponse> response = v1::LeaseShardResponse();
  {
    MutexLock lock(mu_);
    WorkerRecord* worker = workers_.Hear(request.worker_id(), clock_.Now());
    if (worker == nullptr) {
      response = UnknownWorker(request.worker_id());
    } else {
      workers_.SetHeld(*worker, request.held());
      const ShardLease* lease = TryLease(*worker);
      if (lease == nullptr && wait > absl::ZeroDuration() && !stopped_) {
        lease_waits_.push_back({next_token_, request.worker_id(),
                                clock_.Now() + wait, std::move(done)});
        return next_token_++;
      }
      if (lease != nullptr) *response->mutable_lease() = Describe(*lease);
    }
  }
  done(std::move(response));
  return 0;
}

void Coordinator::CancelLeaseShard(int64_t token) {
  LeaseDone done;
  {
    MutexLock lock(mu_);
    const auto it = std::find_if(
        lease_waits_.begin(), lease_waits_.end(),
        [&](const LeaseWait& wait) { return wait.token == token; });
    if (it == lease_waits_.end()) return;
    done = std::move(it->done);
    lease_waits_.erase(it);
  }
  done(absl::CancelledError("the worker went away"));
}

// Among the runs, the one with the fewest live leases goes first, and of those
// the one that has waited longest: so runs share the workers evenly.
const ShardLease* Coordinator::TryLease(const WorkerRecord& worker) {
  std::vector<ActiveRun*> order;
  for (const auto& [run_id, run] : runs_) order.push_back(run.get());
  std::sort(order.begin(), order.end(), [](ActiveRun* a, ActiveRun* b) {
    return std::tie(a->leases, a->last_served) <
           std::tie(b->leases, b->last_served);
  });
  const absl::Time now = clock_.Now();
  for (ActiveRun* run : order) {
    const std::optional<int> shard = run->PickShard(
        worker, workers_, now, /*hold=*/options_.lease_duration / 10);
    if (!shard) continue;
    const ShardLease& granted =
        leases_.Grant(run->id(), run->phase(), *shard, worker.worker_id, now);
    run->board().Lease(*shard);
    ++run->leases;
    run->last_served = ++served_;
    metrics_.leases.Increment();
    CountGauges();
    return &granted;
  }
  return nullptr;
}

v1::Lease Coordinator::Describe(const ShardLease& lease) {
  ActiveRun& run = *runs_.at(lease.run_id);
  v1::Lease described;
  described.set_lease_id(lease.lease_id);
  *described.mutable_duration() = ToProtoDuration(options_.lease_duration);
  described.set_run_id(lease.run_id);
  described.set_shard(lease.shard);
  run.work().Describe(lease.shard, described);
  if (const auto phi = run.work().Phi(described.round());
      phi != nullptr && run.FirstLeaseOf(lease.worker_id)) {
    described.set_phi(FloatsToBytes(*phi));
    metrics_.sent_bytes.Increment(static_cast<double>(described.phi().size()));
  }
  return described;
}

void Coordinator::ServeWaits(Actions& actions) {
  const absl::Time now = clock_.Now();
  std::erase_if(lease_waits_, [&](LeaseWait& wait) {
    absl::StatusOr<v1::LeaseShardResponse> response = v1::LeaseShardResponse();
    const auto worker = workers_.all().find(wait.worker_id);
    if (worker == workers_.all().end()) {
      response = UnknownWorker(wait.worker_id);
    } else if (stopped_ || now >= wait.deadline) {
      // The answer without a lease.
    } else if (const ShardLease* lease = TryLease(worker->second)) {
      *response->mutable_lease() = Describe(*lease);
    } else {
      return false;
    }
    actions.push_back([done = std::move(wait.done),
                       response = std::move(response)] { done(response); });
    return true;
  });
}

absl::StatusOr<v1::HeartbeatResponse> Coordinator::Heartbeat(
    const v1::HeartbeatRequest& request) {
  v1::HeartbeatResponse response;
  MutexLock lock(mu_);
  if (workers_.Hear(request.worker_id(), clock_.Now()) == nullptr) {
    return UnknownWorker(request.worker_id());
  }
  for (const std::string& lease_id : request.lease_ids()) {
    const ShardLease* lease = leases_.Find(lease_id);
    const bool wanted = lease != nullptr && runs_.count(lease->run_id) > 0;
    if (!wanted ||
        !leases_.Renew(lease_id, request.worker_id(), clock_.Now())) {
      response.add_lost_lease_ids(lease_id);
    }
  }
  return response;
}

absl::StatusOr<v1::SubmitResultResponse> Coordinator::SubmitResult(
    const v1::SubmitResultRequest& request) {
  if (request.outcome_case() == v1::SubmitResultRequest::OUTCOME_NOT_SET) {
    return absl::InvalidArgumentError("the submission has no outcome");
  }
  const size_t failure = request.failure().size();
  if (request.has_failure() && (failure < 1 || failure > kMaxFailureBytes)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("failure has %d bytes; it must have 1 to %d", failure,
                        kMaxFailureBytes));
  }
  metrics_.received_bytes.Increment(
      static_cast<double>(request.window().meta_gradient().size()));
  v1::SubmitResultResponse response;
  Actions actions;
  {
    MutexLock lock(mu_);
    WorkerRecord* worker = workers_.Hear(request.worker_id(), clock_.Now());
    const ShardLease* lease = leases_.Find(request.lease_id());
    const bool live =
        lease != nullptr && lease->worker_id == request.worker_id();
    if (live) {
      if (worker != nullptr && request.has_next()) {
        workers_.SetHeld(*worker, request.next());
      }
      response = EndLease(ShardLease(*lease), request, actions);
    } else {
      response.set_disposition(leases_.WasSettled(request.lease_id())
                                   ? v1::SubmitResultResponse::DUPLICATE
                                   : v1::SubmitResultResponse::LEASE_EXPIRED);
    }
    if (worker != nullptr && request.has_next()) {
      const ShardLease* next =
          NextLease(request.lease_id(), *worker, /*repeated=*/!live);
      if (next != nullptr) *response.mutable_next_lease() = Describe(*next);
    }
    CountGauges();
  }
  metrics_.CountSubmission(response.disposition());
  for (const auto& act : actions) act();
  return response;
}

const ShardLease* Coordinator::NextLease(const std::string& ended,
                                         const WorkerRecord& worker,
                                         bool repeated) {
  if (repeated) {
    const ShardLease* carried = leases_.FindCarriedBy(ended);
    if (carried != nullptr && carried->worker_id == worker.worker_id &&
        runs_.count(carried->run_id) > 0) {
      return carried;
    }
  }
  const ShardLease* next = TryLease(worker);
  if (next != nullptr) leases_.SetCarriedBy(next->lease_id, ended);
  return next;
}

v1::SubmitResultResponse Coordinator::EndLease(
    const ShardLease& lease, const v1::SubmitResultRequest& request,
    Actions& actions) {
  v1::SubmitResultResponse response;
  const auto run = runs_.find(lease.run_id);
  if (run == runs_.end()) {
    leases_.Drop(lease.lease_id);
    response.set_disposition(v1::SubmitResultResponse::STALE);
    return response;
  }
  response = TakeOutcome(lease, *run->second, request);
  if (run->second->closing()) {
    closing_.Schedule([this, closed = run->second] { ClosePhase(closed); });
  }
  Changed(*run->second, actions);
  ServeWaits(actions);
  return response;
}

v1::SubmitResultResponse Coordinator::TakeOutcome(
    const ShardLease& lease, ActiveRun& run,
    const v1::SubmitResultRequest& request) {
  v1::SubmitResultResponse response;
  if (request.has_hand_back()) {
    ReopenShard(lease);
    response.set_disposition(v1::SubmitResultResponse::RELEASED);
    return response;
  }
  if (request.has_failure()) {
    FailShard(lease, run, request.failure());
    response.set_disposition(v1::SubmitResultResponse::RELEASED);
    return response;
  }
  const bool replayed = request.window().replayed();
  const bool window = request.has_window();
  if (absl::Status status = run.work().Take(lease.shard, request);
      !status.ok()) {
    FailShard(lease, run, std::string(status.message()));
    response.set_disposition(v1::SubmitResultResponse::REJECTED);
    response.set_message(std::string(status.message()));
    return response;
  }
  if (window) {
    (replayed ? metrics_.windows_replayed : metrics_.windows_warm).Increment();
  }
  if (run.spec().has_evaluation()) {
    SaveLater(run, {lease.shard, request.evaluation()});
  }
  Accept(lease, run);
  response.set_disposition(v1::SubmitResultResponse::ACCEPTED);
  return response;
}

void Coordinator::Accept(const ShardLease& lease, ActiveRun& run) {
  if (WorkerRecord* worker = workers_.Hear(lease.worker_id, clock_.Now())) {
    ++worker->accepted;
    if (const auto point = run.work().WarmPointAfter(lease.shard)) {
      workers_.Hold(*worker, *point);
    }
  }
  --run.leases;
  run.Contributed(lease.worker_id);
  run.board().Finish(lease.shard);
  leases_.Settle(lease.lease_id);
}

void Coordinator::ReopenShard(const ShardLease& lease) {
  leases_.Drop(lease.lease_id);
  const auto run = runs_.find(lease.run_id);
  if (run == runs_.end()) return;
  --run->second->leases;
  run->second->board().Reopen(lease.shard);
}

void Coordinator::FailShard(const ShardLease& lease, ActiveRun& run,
                            const std::string& message) {
  const LogFields fields(About(lease, &run));
  LogWarning("run %s shard %d failed at worker %s: %s", lease.run_id,
             lease.shard, lease.worker_id, message);
  leases_.Drop(lease.lease_id);
  --run.leases;
  run.board().ReopenAfterFailure(lease.shard, lease.worker_id, message);
  FailRunIfHopeless(run, lease.shard);
}

void Coordinator::FailRunIfHopeless(ActiveRun& run, int shard) {
  const ShardBoard::Failures& failures = run.board().FailuresOf(shard);
  if (failures.empty()) return;
  const auto& workers = workers_.all();
  // Of no workers at all, the next that comes may be able to.
  const bool all_failed =
      !workers.empty() &&
      std::all_of(workers.begin(), workers.end(), [&](const auto& entry) {
        return failures.count(entry.first) > 0;
      });
  if (!all_failed && failures.size() < kMaxFailures) return;
  closing_.Schedule(
      [this, run_id = run.id(), message = failures.rbegin()->second] {
        EndRun(run_id, v1::Run::FAILED, message);
      });
}

absl::StatusOr<v1::FetchPhiResponse> Coordinator::FetchPhi(
    const v1::FetchPhiRequest& request) {
  v1::FetchPhiResponse response;
  if (request.has_model()) {
    METASTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                              registry_.Resolve(request.model()));
    response.set_phi(FloatsToBytes(model->phi));
    *response.mutable_rules() = model->info.rules();
  } else {
    MutexLock lock(mu_);
    const auto run = runs_.find(request.run().run_id());
    const auto phi = run == runs_.end()
                         ? nullptr
                         : run->second->work().Phi(request.run().phi_version());
    if (phi == nullptr) {
      return absl::NotFoundError(
          absl::StrFormat("run \"%s\" has no phi of version %d now",
                          request.run().run_id(), request.run().phi_version()));
    }
    response.set_phi(FloatsToBytes(*phi));
    *response.mutable_rules() = run->second->spec().training().rules();
  }
  metrics_.sent_bytes.Increment(static_cast<double>(response.phi().size()));
  return response;
}

void Coordinator::ExpireLeases() {
  for (const ShardLease& lease : leases_.TakeExpired(clock_.Now())) {
    metrics_.lease_expiries.Increment();
    const auto run = runs_.find(lease.run_id);
    const LogFields fields(
        About(lease, run == runs_.end() ? nullptr : run->second.get()));
    const auto worker = workers_.all().find(lease.worker_id);
    LogWarning("run %s shard %d: the lease of worker %s expired; last heard %s",
               lease.run_id, lease.shard, lease.worker_id,
               worker == workers_.all().end()
                   ? "too long ago"
                   : absl::StrCat(absl::FormatDuration(clock_.Now() -
                                                       worker->second.heard),
                                  " ago"));
    ReopenShard(lease);
  }
}

void Coordinator::ForgetWorkers() {
  if (!workers_.ForgetSilent(clock_.Now())) return;
  for (const auto& [run_id, run] : runs_) {
    for (int shard = 0; shard < run->board().size(); ++shard) {
      if (run->board().IsOpen(shard)) FailRunIfHopeless(*run, shard);
    }
  }
}

void Coordinator::Tick() {
  Actions actions;
  {
    MutexLock lock(mu_);
    ExpireLeases();
    ForgetWorkers();
    ServeWaits(actions);
    CountGauges();
  }
  for (const auto& act : actions) act();
}

void Coordinator::Stop() {
  Actions actions;
  std::list<Watch> watches;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    ServeWaits(actions);
    watches.swap(watches_);
  }
  stop_.NotifyAll();
  for (const auto& act : actions) act();
  for (const Watch& watch : watches) {
    watch.done(ServerStops(), 0);
  }
}

}  // namespace metastep
