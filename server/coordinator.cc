#include "server/coordinator.h"

#include <algorithm>
#include <future>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "optimizer/run_spec.h"
#include "rpc/float_bytes.h"
#include "server/evaluation_work.h"
#include "server/proto_time.h"
#include "server/request_checks.h"
#include "server/training_work.h"

namespace metastep {
namespace {

constexpr absl::Duration kMaxLeaseWait = absl::Seconds(60);
constexpr int kMaxSlots = 1024;
// A shard that three different workers could not compute is at fault itself.
constexpr size_t kMaxFailures = 3;
constexpr absl::Duration kPersistRetry = absl::Seconds(1);

absl::Status UnknownWorker(const std::string& worker_id) {
  return absl::NotFoundError(
      absl::StrCat("worker \"", worker_id, "\" is not known; register again"));
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
    if (stored.run.spec().has_training()) {
      METASTEP_ASSIGN_OR_RETURN(state,
                                store_.LoadTraining(stored.run.run_id()));
    }
    LogInfo("run %s resumes at round %d", stored.run.run_id(),
            state.phi_version);
    METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<RunWork> work,
                              MakeWork(stored.run, std::move(state)));
    Activate(std::move(stored.run), std::move(work));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RunWork>> Coordinator::MakeWork(
    const v1::Run& run, TrainingState state) {
  if (run.spec().has_evaluation()) {
    return std::make_unique<EvaluationWork>(run.spec());
  }
  return TrainingWork::Create(run.run_id(), run.spec(), std::move(state),
                              clock_);
}

void Coordinator::Activate(v1::Run run, std::unique_ptr<RunWork> work) {
  Actions actions;
  {
    MutexLock lock(mu_);
    const std::string run_id = run.run_id();
    const auto active = std::make_shared<ActiveRun>(
        std::move(run), std::move(work), clock_.Now());
    runs_[run_id] = active;
    // A crash between the last commit and the publication.
    if (active->work().ended()) {
      closing_.Schedule([this, active] { ClosePhase(active); });
    }
    ServeWaits(actions);
    CountGauges();
  }
  for (const auto& act : actions) act();
}

void Coordinator::CountGauges() {
  metrics_.active_runs.Set(static_cast<double>(runs_.size()));
  metrics_.workers.Set(static_cast<double>(workers_.all().size()));
  metrics_.live_leases.Set(leases_.live());
}

// ---- Workers' calls.

absl::StatusOr<v1::RegisterWorkerResponse> Coordinator::RegisterWorker(
    const v1::RegisterWorkerRequest& request) {
  METASTEP_RETURN_IF_ERROR(CheckId("name", request.name()));
  if (request.slots() < 1 || request.slots() > kMaxSlots) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "slots is %d; it must be from 1 to %d", request.slots(), kMaxSlots));
  }
  if (request.version() != kVersion) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "the worker's version is \"%s\", the server's \"%s\"; their results "
        "could differ: run the same build",
        request.version(), kVersion));
  }
  v1::RegisterWorkerResponse response;
  *response.mutable_heartbeat_interval() =
      ToProtoDuration(options_.lease_duration / 3);
  MutexLock lock(mu_);
  const WorkerRecord& worker =
      workers_.Register(request.name(), request.slots(), clock_.Now());
  response.set_worker_id(worker.worker_id);
  CountGauges();
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
      workers_.SetHeld(*worker, request);
      std::optional<v1::Lease> lease = TryLease(*worker);
      if (!lease && wait > absl::ZeroDuration() && !stopped_) {
        lease_waits_.push_back({next_token_, request.worker_id(),
                                clock_.Now() + wait, std::move(done)});
        return next_token_++;
      }
      if (lease) *response->mutable_lease() = *std::move(lease);
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
std::optional<v1::Lease> Coordinator::TryLease(const WorkerRecord& worker) {
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
    v1::Lease lease;
    lease.set_lease_id(granted.lease_id);
    *lease.mutable_duration() = ToProtoDuration(options_.lease_duration);
    lease.set_run_id(run->id());
    lease.set_shard(*shard);
    run->work().Describe(*shard, lease);
    return lease;
  }
  return std::nullopt;
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
    } else if (std::optional<v1::Lease> lease = TryLease(worker->second)) {
      *response->mutable_lease() = *std::move(lease);
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
    v1::SubmitResultRequest request) {
  if (request.outcome_case() == v1::SubmitResultRequest::OUTCOME_NOT_SET) {
    return absl::InvalidArgumentError("the submission has no outcome");
  }
  metrics_.received_bytes.Increment(
      static_cast<double>(request.window().meta_gradient().size()));
  v1::SubmitResultResponse response;
  Actions actions;
  {
    MutexLock lock(mu_);
    workers_.Hear(request.worker_id(), clock_.Now());
    const ShardLease* found = leases_.Find(request.lease_id());
    if (found == nullptr || found->worker_id != request.worker_id()) {
      response.set_disposition(leases_.WasSettled(request.lease_id())
                                   ? v1::SubmitResultResponse::DUPLICATE
                                   : v1::SubmitResultResponse::LEASE_EXPIRED);
    } else if (const auto run = runs_.find(found->run_id); run == runs_.end()) {
      leases_.Drop(request.lease_id());
      response.set_disposition(v1::SubmitResultResponse::STALE);
    } else {
      response = EndLease(ShardLease(*found), *run->second, std::move(request));
      if (run->second->closing()) {
        closing_.Schedule([this, closed = run->second] { ClosePhase(closed); });
      }
      Changed(*run->second, actions);
      ServeWaits(actions);
    }
    CountGauges();
  }
  metrics_.CountSubmission(response.disposition());
  for (const auto& act : actions) act();
  return response;
}

v1::SubmitResultResponse Coordinator::EndLease(
    const ShardLease& lease, ActiveRun& run, v1::SubmitResultRequest request) {
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
  if (absl::Status status = run.work().Take(lease.shard, std::move(request));
      !status.ok()) {
    FailShard(lease, run, std::string(status.message()));
    response.set_disposition(v1::SubmitResultResponse::REJECTED);
    response.set_message(std::string(status.message()));
    return response;
  }
  if (window) {
    (replayed ? metrics_.windows_replayed : metrics_.windows_warm).Increment();
  }
  Accept(lease, run);
  response.set_disposition(v1::SubmitResultResponse::ACCEPTED);
  return response;
}

void Coordinator::Accept(const ShardLease& lease, ActiveRun& run) {
  if (WorkerRecord* worker = workers_.Hear(lease.worker_id, clock_.Now())) {
    ++worker->accepted;
    if (const auto point = run.work().WarmPointAfter(lease.shard)) {
      worker->held.insert(*point);
    }
  }
  --run.leases;
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
  LogWarning("run %s shard %d failed at worker %s: %s", lease.run_id,
             lease.shard, lease.worker_id, message);
  leases_.Drop(lease.lease_id);
  --run.leases;
  run.board().ReopenAfterFailure(lease.shard, lease.worker_id);
  const auto& failed_by = run.board().FailedBy(lease.shard);
  const bool somebody_left = std::any_of(
      workers_.all().begin(), workers_.all().end(),
      [&](const auto& entry) { return failed_by.count(entry.first) == 0; });
  if (somebody_left && failed_by.size() < kMaxFailures) return;
  closing_.Schedule([this, run_id = lease.run_id, message] {
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
    *response.mutable_rules() =
        run->second->Snapshot().spec().training().rules();
  }
  metrics_.sent_bytes.Increment(static_cast<double>(response.phi().size()));
  return response;
}

// ---- The closing thread.

bool Coordinator::Persist(absl::string_view what,
                          const std::function<absl::Status()>& act) {
  while (true) {
    const absl::Status status = act();
    if (status.ok()) return true;
    LogError("cannot %s, will try again: %s", what, status.ToString());
    MutexLock lock(mu_);
    if (!stopped_) stop_.WaitFor(mu_, kPersistRetry);
    if (stopped_) return false;
  }
}

void Coordinator::ClosePhase(const std::shared_ptr<ActiveRun>& run) {
  // Until OpenNextPhase only this thread changes the work, so it may read it
  // without the mutex.
  const TrainingState* state = run->work().state();
  {
    MutexLock lock(mu_);
    if (runs_.count(run->id()) == 0) return;
    if (!run->work().ended()) {
      const int64_t before = state == nullptr ? 0 : state->phi_version;
      run->work().Close();
      if (state != nullptr) CountPhase(before, *state);
    }
  }
  if (state != nullptr && !Persist("commit a round", [&] {
        return store_.Commit(run->id(), *state);
      })) {
    return;
  }
  if (run->work().ended()) {
    EndRun(run->id(), v1::Run::SUCCEEDED, "");
    return;
  }
  Actions actions;
  {
    MutexLock lock(mu_);
    leases_.ForgetSettledBefore(run->id(), run->phase());
    run->OpenNextPhase(clock_.Now());
    Changed(*run, actions);
    ServeWaits(actions);
  }
  for (const auto& act : actions) act();
}

void Coordinator::CountPhase(int64_t version_before,
                             const TrainingState& state) {
  const bool round = state.phi_version > version_before;
  (round ? metrics_.rounds : metrics_.validations).Increment();
  metrics_.outer_loss.Set(state.last_round->outer_loss());
}

void Coordinator::EndRun(const std::string& run_id, v1::Run::State state,
                         const std::string& error) {
  v1::Run ended;
  std::optional<Model> model;
  {
    MutexLock lock(mu_);
    const auto run = runs_.find(run_id);
    if (run == runs_.end()) return;
    ended = run->second->Snapshot();
    if (state == v1::Run::SUCCEEDED) model = run->second->work().Result();
  }
  if (model) {
    const auto publish = [&]() -> absl::Status {
      METASTEP_ASSIGN_OR_RETURN(*ended.mutable_model(),
                                registry_.Publish(ended.spec().name(), *model));
      return absl::OkStatus();
    };
    if (!Persist("publish a model", publish)) return;
  }
  ended.set_state(state);
  ended.set_error(error);
  *ended.mutable_ended() = ToTimestamp(clock_.Now());
  ended.set_active_workers(0);
  FinishRun(std::move(ended));
}

void Coordinator::FinishRun(v1::Run run) {
  if (!Persist("store the end of a run", [&] { return store_.Finish(run); })) {
    return;
  }
  LogInfo("run %s is %s%s%s", run.run_id(), v1::Run::State_Name(run.state()),
          run.error().empty() ? "" : ": ", run.error());
  std::vector<WatchDone> watches;
  {
    MutexLock lock(mu_);
    runs_.erase(run.run_id());
    leases_.ForgetSettledBefore(run.run_id(), INT64_MAX);
    std::erase_if(watches_, [&](Watch& watch) {
      if (watch.run_id != run.run_id()) return false;
      watches.push_back(std::move(watch.done));
      return true;
    });
    CountGauges();
  }
  for (const WatchDone& done : watches) done(run, INT64_MAX);
}

// ---- Owners' calls.

absl::StatusOr<v1::RunSpec> Coordinator::PinModels(v1::RunSpec spec) {
  if (!spec.has_evaluation()) return spec;
  for (v1::EvaluationEntry& entry :
       *spec.mutable_evaluation()->mutable_entries()) {
    if (!entry.has_model()) continue;
    METASTEP_ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model,
                              registry_.Resolve(entry.model()));
    entry.mutable_model()->set_version(model->info.version());
  }
  return spec;
}

absl::StatusOr<v1::Run> Coordinator::CreateRun(
    const v1::CreateRunRequest& request) {
  METASTEP_RETURN_IF_ERROR(CheckId("request_id", request.request_id()));
  METASTEP_ASSIGN_OR_RETURN(v1::RunSpec spec, ResolveRunSpec(request.spec()));
  StoredRun stored;
  stored.request_id = request.request_id();
  stored.request_sha256 = Sha256Hex(spec.SerializeAsString());
  METASTEP_ASSIGN_OR_RETURN(const std::optional<StoredRun> earlier,
                            store_.FindByRequest(request.request_id()));
  if (earlier) {
    if (earlier->request_sha256 == stored.request_sha256) {
      return GetRun(earlier->run.run_id());
    }
    return absl::AlreadyExistsError(absl::StrFormat(
        "request_id \"%s\" was used for run %s with another spec; make a new "
        "one",
        request.request_id(), earlier->run.run_id()));
  }
  METASTEP_ASSIGN_OR_RETURN(spec, PinModels(std::move(spec)));
  v1::Run& run = stored.run;
  run.set_run_id(absl::StrCat(spec.name(), "-", RandomId().substr(0, 8)));
  *run.mutable_spec() = std::move(spec);
  run.set_state(v1::Run::RUNNING);
  *run.mutable_created() = ToTimestamp(clock_.Now());
  const TrainingState state =
      run.spec().has_training() ? InitialTraining(run.spec()) : TrainingState();
  METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<RunWork> work,
                            MakeWork(run, state));
  METASTEP_RETURN_IF_ERROR(store_.Create(stored, work->state()));
  LogInfo("run %s starts", run.run_id());
  const std::string run_id = run.run_id();
  Activate(std::move(run), std::move(work));
  return GetRun(run_id);
}

absl::StatusOr<v1::Run> Coordinator::GetRun(const std::string& run_id) {
  {
    MutexLock lock(mu_);
    const auto run = runs_.find(run_id);
    if (run != runs_.end()) return run->second->Snapshot();
  }
  METASTEP_ASSIGN_OR_RETURN(StoredRun stored, store_.Load(run_id));
  return std::move(stored.run);
}

absl::StatusOr<v1::ListRunsResponse> Coordinator::ListRuns(
    const v1::ListRunsRequest& request) {
  METASTEP_ASSIGN_OR_RETURN(
      const int size,
      PageSize(request.page_size(), /*standard=*/100, /*limit=*/1000));
  METASTEP_ASSIGN_OR_RETURN(const int64_t before,
                            PageStart(request.page_token()));
  METASTEP_ASSIGN_OR_RETURN(const std::vector<RunStore::ListedRun> listed,
                            store_.List(before, size));
  v1::ListRunsResponse response;
  MutexLock lock(mu_);
  for (const RunStore::ListedRun& entry : listed) {
    const auto active = runs_.find(entry.run.run_id());
    *response.add_runs() =
        active == runs_.end() ? entry.run : active->second->Snapshot();
  }
  if (static_cast<int>(listed.size()) == size) {
    response.set_next_page_token(absl::StrCat(listed.back().sequence));
  }
  return response;
}

absl::StatusOr<v1::Run> Coordinator::CancelRun(const std::string& run_id) {
  std::promise<void> cancelled;
  closing_.Schedule([&] {
    EndRun(run_id, v1::Run::CANCELLED, "");
    cancelled.set_value();
  });
  cancelled.get_future().wait();
  return GetRun(run_id);
}

absl::StatusOr<v1::ListRoundsResponse> Coordinator::ListRounds(
    const v1::ListRoundsRequest& request) {
  METASTEP_ASSIGN_OR_RETURN(
      const int size,
      PageSize(request.page_size(), /*standard=*/1000, /*limit=*/10000));
  METASTEP_ASSIGN_OR_RETURN(const int64_t first,
                            PageStart(request.page_token()));
  METASTEP_RETURN_IF_ERROR(store_.Load(request.run_id()).status());
  METASTEP_ASSIGN_OR_RETURN(const std::vector<v1::Round> rounds,
                            store_.Rounds(request.run_id(), first, size));
  v1::ListRoundsResponse response;
  for (const v1::Round& round : rounds) *response.add_rounds() = round;
  if (static_cast<int>(rounds.size()) == size) {
    response.set_next_page_token(absl::StrCat(rounds.back().phi_version() + 1));
  }
  return response;
}

v1::ListWorkersResponse Coordinator::ListWorkers() {
  v1::ListWorkersResponse response;
  MutexLock lock(mu_);
  for (const auto& [worker_id, record] : workers_.all()) {
    v1::Worker& worker = *response.add_workers();
    worker.set_worker_id(worker_id);
    worker.set_name(record.name);
    worker.set_slots(record.slots);
    worker.set_leases(leases_.LiveOfWorker(worker_id));
    worker.set_lanes(static_cast<int>(record.held.size()));
    worker.set_lane_bytes(record.held_bytes);
    *worker.mutable_silent() = ToProtoDuration(clock_.Now() - record.heard);
    worker.set_accepted(record.accepted);
  }
  return response;
}

// ---- Watching.

int64_t Coordinator::WatchRun(const std::string& run_id, int64_t seen,
                              WatchDone done) {
  v1::Run snapshot;
  int64_t revision = 0;
  {
    MutexLock lock(mu_);
    const auto run = runs_.find(run_id);
    if (run != runs_.end()) {
      revision = run->second->revision;
      if (revision <= seen && !stopped_) {
        watches_.push_back({next_token_, run_id, seen, std::move(done)});
        return next_token_++;
      }
      snapshot = run->second->Snapshot();
    }
  }
  if (revision > 0) {
    done(std::move(snapshot), revision);
  } else {
    done(GetRun(run_id), INT64_MAX);
  }
  return 0;
}

void Coordinator::CancelWatch(int64_t token) {
  WatchDone done;
  {
    MutexLock lock(mu_);
    const auto it =
        std::find_if(watches_.begin(), watches_.end(),
                     [&](const Watch& watch) { return watch.token == token; });
    if (it == watches_.end()) return;
    done = std::move(it->done);
    watches_.erase(it);
  }
  done(absl::CancelledError("the watcher went away"), 0);
}

void Coordinator::Changed(ActiveRun& run, Actions& actions) {
  ++run.revision;
  std::erase_if(watches_, [&](Watch& watch) {
    if (watch.run_id != run.id()) return false;
    actions.push_back([done = std::move(watch.done), snapshot = run.Snapshot(),
                       revision = run.revision] { done(snapshot, revision); });
    return true;
  });
}

// ---- Time.

void Coordinator::ExpireLeases() {
  for (const ShardLease& lease : leases_.TakeExpired(clock_.Now())) {
    metrics_.lease_expiries.Increment();
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

void Coordinator::Tick() {
  Actions actions;
  {
    MutexLock lock(mu_);
    ExpireLeases();
    workers_.ForgetSilent(clock_.Now());
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
    watch.done(absl::UnavailableError("the server is stopping"), 0);
  }
}

}  // namespace metastep
