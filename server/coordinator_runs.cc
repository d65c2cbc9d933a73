// The owners' side of the coordinator: runs begin, are watched, and end.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/log_fields.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "optimizer/run_spec.h"
#include "rpc/proto_time.h"
#include "server/coordinator.h"
#include "server/evaluation_work.h"
#include "server/request_checks.h"
#include "server/search_work.h"
#include "server/training_work.h"

namespace metastep {
namespace {

constexpr absl::Duration kPersistRetry = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<RunWork>> Coordinator::MakeWork(
    const v1::Run& run, TrainingState state) {
  if (run.spec().has_evaluation()) {
    return std::make_unique<EvaluationWork>(run.spec());
  }
  if (IsSearch(run.spec())) return std::make_unique<SearchWork>(run);
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
    // A crash between the last commit and the publication, or the run's end.
    if (active->work().ended() || active->closing()) {
      closing_.Schedule([this, active] { ClosePhase(active); });
    }
    ReportToSearch(*active, actions);
    ServeWaits(actions);
    CountGauges();
  }
  for (const auto& act : actions) act();
}

absl::Status Coordinator::TakeUpResults(const v1::Run& run, RunWork& work) {
  METASTEP_ASSIGN_OR_RETURN(std::vector<RunStore::ShardResult> results,
                            store_.LoadResults(run.run_id()));
  for (auto& [shard, result] : results) {
    v1::SubmitResultRequest taken;
    taken.mutable_evaluation()->Swap(&result);
    METASTEP_RETURN_IF_ERROR(work.Take(shard, taken));
  }
  return absl::OkStatus();
}

absl::Status Coordinator::TakeUpTrials(const v1::Run& search, RunWork& work) {
  for (const v1::Trial& trial : search.trials()) {
    METASTEP_ASSIGN_OR_RETURN(const StoredRun stored,
                              store_.Load(trial.run_id()));
    std::optional<Model> model;
    if (stored.run.state() == v1::Run::SUCCEEDED) {
      METASTEP_ASSIGN_OR_RETURN(TrainingState state,
                                store_.LoadTraining(trial.run_id()));
      METASTEP_ASSIGN_OR_RETURN(const std::unique_ptr<RunWork> trained,
                                MakeWork(stored.run, std::move(state)));
      model = trained->Result();
    }
    work.TakePart(stored.run, model);
  }
  return absl::OkStatus();
}

void Coordinator::ReportToSearch(const ActiveRun& run, Actions& actions) {
  if (!run.search_id().empty()) {
    TakeTrial(run.Snapshot(), std::nullopt, actions);
  }
}

void Coordinator::TakeTrial(const v1::Run& trial,
                            const std::optional<Model>& model,
                            Actions& actions) {
  const auto found = runs_.find(trial.search_run_id());
  if (found == runs_.end()) return;
  const std::shared_ptr<ActiveRun> search = found->second;
  search->work().TakePart(trial, model);
  Changed(*search, actions);
  if (search->work().ended()) {
    closing_.Schedule([this, search] { ClosePhase(search); });
  }
}

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
  const LogFields fields{{"request_id", request.request_id()}};
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
  const std::string run_id = run.run_id();
  METASTEP_RETURN_IF_ERROR(Begin(WithTrials(std::move(stored))));
  return GetRun(run_id);
}

absl::Status Coordinator::Begin(std::vector<StoredRun> runs) {
  std::vector<std::unique_ptr<RunWork>> works;
  std::vector<RunStore::NewRun> created;
  for (StoredRun& stored : runs) {
    const v1::RunSpec& spec = stored.run.spec();
    TrainingState state;
    if (spec.has_training() && !IsSearch(spec)) state = InitialTraining(spec);
    METASTEP_ASSIGN_OR_RETURN(works.emplace_back(),
                              MakeWork(stored.run, std::move(state)));
    created.push_back({std::move(stored), works.back()->state()});
  }
  METASTEP_RETURN_IF_ERROR(store_.Create(created));
  for (size_t i = 0; i < works.size(); ++i) {
    const LogFields fields{{"run", created[i].stored.run.run_id()}};
    LogInfo("run %s starts", created[i].stored.run.run_id());
    Activate(std::move(created[i].stored.run), std::move(works[i]));
  }
  return absl::OkStatus();
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
  // One more than a page tells whether another follows.
  METASTEP_ASSIGN_OR_RETURN(const std::vector<RunStore::ListedRun> listed,
                            store_.List(before, size + 1));
  v1::ListRunsResponse response;
  size_t bytes = 0;
  int64_t last = 0;
  for (const RunStore::ListedRun& entry : listed) {
    if (response.runs_size() == size || bytes > kMaxPageBytes) {
      response.set_next_page_token(absl::StrCat(last));
      break;
    }
    v1::Run run = entry.run;
    // The store has it as it was created.
    if (run.state() == v1::Run::RUNNING) {
      METASTEP_ASSIGN_OR_RETURN(run, GetRun(run.run_id()));
    }
    run.clear_curves();  // of an evaluation that has just ended
    bytes += run.ByteSizeLong();
    *response.add_runs() = std::move(run);
    last = entry.sequence;
  }
  return response;
}

void Coordinator::CancelRun(const std::string& run_id,
                            std::function<void(absl::StatusOr<v1::Run>)> done) {
  closing_.Schedule([this, run_id, done = std::move(done)] {
    // The trials first: after a crash in between, the search ends by itself.
    CancelTrials(run_id);
    EndRun(run_id, v1::Run::CANCELLED, "");
    absl::StatusOr<v1::Run> run = GetRun(run_id);
    if (run.ok() && run->state() == v1::Run::RUNNING) {
      run = ServerStops();
    }
    done(std::move(run));
  });
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
                            store_.Rounds(request.run_id(), first, size + 1));
  v1::ListRoundsResponse response;
  for (const v1::Round& round : rounds) {
    if (response.rounds_size() == size) {
      response.set_next_page_token(absl::StrCat(round.phi_version()));
      break;
    }
    *response.add_rounds() = round;
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
  if (revision > 0 && revision <= seen) {
    done(ServerStops(), 0);
  } else if (revision > 0) {
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

// As many at a time as came in meanwhile: a short evaluation has more than the
// disk takes one by one.
void Coordinator::SaveLater(ActiveRun& run, RunStore::ShardResult result) {
  if (run.unsaved.empty()) {
    closing_.Schedule(
        [this, saved = runs_.at(run.id())] { SaveResults(saved); });
  }
  run.unsaved.push_back(std::move(result));
}

void Coordinator::SaveResults(const std::shared_ptr<ActiveRun>& run) {
  std::vector<RunStore::ShardResult> results;
  {
    MutexLock lock(mu_);
    if (runs_.count(run->id()) == 0) return;
    results.swap(run->unsaved);
  }
  Persist("store results", [&] { return store_.Keep(run->id(), results); });
}

void Coordinator::ClosePhase(const std::shared_ptr<ActiveRun>& run) {
  // Only this thread changes the state, so it may read it without the mutex.
  const LogFields fields{{"run", run->id()}, {"round", run->round()}};
  const TrainingState* state = run->work().state();
  bool ended = false;
  Actions actions;
  {
    MutexLock lock(mu_);
    if (runs_.count(run->id()) == 0) return;
    if (!run->work().ended()) {
      const int64_t before = run->round();
      run->work().Close();
      if (state != nullptr) CountPhase(before, *state);
    }
    ended = run->work().ended();
    if (!ended) OpenNextPhase(*run, actions);
  }
  for (const auto& act : actions) act();
  // While the workers compute the next phase. It cannot close before this
  // thread is back, so the disk is at most one phase behind them.
  if (state != nullptr && !Persist("commit a round", [&] {
        return store_.Commit(run->id(), *state);
      })) {
    return;
  }
  if (!ended) return;
  const std::string failure = run->work().failure();
  EndRun(run->id(), failure.empty() ? v1::Run::SUCCEEDED : v1::Run::FAILED,
         failure);
}

void Coordinator::OpenNextPhase(ActiveRun& run, Actions& actions) {
  leases_.ForgetSettledBefore(run.id(), run.phase());
  run.OpenNextPhase(clock_.Now());
  Changed(run, actions);
  ReportToSearch(run, actions);
  ServeWaits(actions);
}

void Coordinator::CountPhase(int64_t version_before,
                             const TrainingState& state) {
  const bool round = state.phi_version > version_before;
  (round ? metrics_.rounds : metrics_.validations).Increment();
  metrics_.outer_loss.Set(state.last_round->outer_loss());
}

void Coordinator::EndRun(const std::string& run_id, v1::Run::State state,
                         std::string error) {
  v1::Run ended;
  std::optional<Model> model;
  {
    MutexLock lock(mu_);
    const auto run = runs_.find(run_id);
    if (run == runs_.end()) return;
    ended = run->second->Snapshot();
    if (state == v1::Run::SUCCEEDED) model = run->second->work().Result();
  }
  if (model && ended.search_run_id().empty()) {
    const auto publish = [&]() -> absl::Status {
      auto info = registry_.Publish(ended.spec().name(), *model);
      if (info.ok()) {
        *ended.mutable_model() = *std::move(info);
        return absl::OkStatus();
      }
      // Trying again would not help.
      if (absl::IsInvalidArgument(info.status())) {
        state = v1::Run::FAILED;
        error = absl::StrCat("cannot publish: ", info.status().message());
        return absl::OkStatus();
      }
      return info.status();
    };
    if (!Persist("publish a model", publish)) return;
    if (state == v1::Run::FAILED) model.reset();
  }
  ended.set_state(state);
  ended.set_error(error);
  *ended.mutable_ended() = ToTimestamp(clock_.Now());
  ended.set_active_workers(0);
  FinishRun(std::move(ended), model);
}

void Coordinator::CancelTrials(const std::string& run_id) {
  v1::Run search;
  {
    MutexLock lock(mu_);
    const auto run = runs_.find(run_id);
    if (run == runs_.end()) return;
    search = run->second->Snapshot();
  }
  for (const v1::Trial& trial : search.trials()) {
    EndRun(trial.run_id(), v1::Run::CANCELLED, "");
  }
}

void Coordinator::FinishRun(v1::Run run, const std::optional<Model>& model) {
  const LogFields fields{{"run", run.run_id()}};
  if (!Persist("store the end of a run", [&] { return store_.Finish(run); })) {
    return;
  }
  LogInfo("run %s is %s%s%s", run.run_id(), v1::Run::State_Name(run.state()),
          run.error().empty() ? "" : ": ", run.error());
  std::vector<WatchDone> watches;
  Actions actions;
  {
    MutexLock lock(mu_);
    runs_.erase(run.run_id());
    TakeTrial(run, model, actions);
    leases_.ForgetSettledBefore(run.run_id(), INT64_MAX);
    std::erase_if(watches_, [&](Watch& watch) {
      if (watch.run_id != run.run_id()) return false;
      watches.push_back(std::move(watch.done));
      return true;
    });
    CountGauges();
  }
  for (const auto& act : actions) act();
  for (const WatchDone& done : watches) done(run, INT64_MAX);
}

}  // namespace metastep
