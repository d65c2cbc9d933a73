// The coordinator: hands out shards, takes their results, and closes rounds.
//
// A run's life, step by step, with two lanes and workers a and b:
//   1. CreateRun stores the run and opens its first phase (round 0).
//   2. a and b each call LeaseShard and get lanes 0 and 1 under phi 0.
//   3. a submits: ACCEPTED. b's lease expires; lane 1 is open again, a gets it,
//      and b's late result is answered LEASE_EXPIRED.
//   4. With both results in, the closing thread takes the outer step, opens
//      round 1 and, while that is computed, commits phi 1. A crash before the
//      commit repeats round 0 to the same bits.
//   5. After every E rounds the phase is a validation; after the last, the best
//      phi is published and the run has SUCCEEDED.
#ifndef METASTEP_SERVER_COORDINATOR_H_
#define METASTEP_SERVER_COORDINATOR_H_

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "base/version.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "metastep/v1/run_service.pb.h"
#include "server/active_run.h"
#include "server/coordinator_metrics.h"
#include "server/lease_table.h"
#include "server/model_registry.h"
#include "server/run_store.h"
#include "server/worker_table.h"

namespace metastep {

struct CoordinatorOptions {
  // A lease ends this long after it was given or renewed. A third of it is the
  // heartbeat interval, three times it the silence after which a worker is
  // forgotten, a tenth of it what a cold worker waits for a warm one.
  absl::Duration lease_duration = absl::Seconds(10);
  // Workers must be of this one; a program gives kBuildVersion.
  std::string version = kVersion;
};

// Decides under one mutex and acts (disk, publication, answers) outside it.
// Errors of the methods are those that the protos list. Thread-safe.
class Coordinator {
 public:
  // Takes up the runs that the store holds as RUNNING. All arguments must
  // outlive the coordinator. Errors: those of RunStore.
  static absl::StatusOr<std::unique_ptr<Coordinator>> Create(
      const CoordinatorOptions& options, const Clock& clock, RunStore& store,
      ModelRegistry& registry, CoordinatorMetrics& metrics);
  // REQUIRES: no call is in flight. Waits for phases that are being closed.
  ~Coordinator();

  // Workers' calls.
  absl::StatusOr<v1::RegisterWorkerResponse> RegisterWorker(
      const v1::RegisterWorkerRequest& request);
  // `done` is called once, now or when there is a shard, the wait is over, the
  // coordinator stops, or the call is cancelled by its token (never 0).
  using LeaseDone = std::function<void(absl::StatusOr<v1::LeaseShardResponse>)>;
  int64_t LeaseShard(const v1::LeaseShardRequest& request, LeaseDone done);
  void CancelLeaseShard(int64_t token);
  absl::StatusOr<v1::HeartbeatResponse> Heartbeat(
      const v1::HeartbeatRequest& request);
  absl::StatusOr<v1::SubmitResultResponse> SubmitResult(
      const v1::SubmitResultRequest& request);
  absl::StatusOr<v1::FetchPhiResponse> FetchPhi(
      const v1::FetchPhiRequest& request);

  // Owners' calls.
  absl::StatusOr<v1::Run> CreateRun(const v1::CreateRunRequest& request);
  absl::StatusOr<v1::Run> GetRun(const std::string& run_id);
  absl::StatusOr<v1::ListRunsResponse> ListRuns(
      const v1::ListRunsRequest& request);
  // `done` is called once, when the run has ended. Unavailable: the coordinator
  // stopped before.
  void CancelRun(const std::string& run_id,
                 std::function<void(absl::StatusOr<v1::Run>)> done);
  absl::StatusOr<v1::ListRoundsResponse> ListRounds(
      const v1::ListRoundsRequest& request);
  v1::ListWorkersResponse ListWorkers();
  // `done` is called once, as soon as the run has a revision above `seen` (0:
  // at once), or with an error. Cancelled by its token.
  using WatchDone =
      std::function<void(absl::StatusOr<v1::Run>, int64_t revision)>;
  int64_t WatchRun(const std::string& run_id, int64_t seen, WatchDone done);
  void CancelWatch(int64_t token);

  // Expires leases, waits and workers; to be called every few milliseconds of
  // the clock's time.
  void Tick();
  // Answers every call that waits; from then on none waits.
  void Stop();

 private:
  struct LeaseWait {
    int64_t token;
    std::string worker_id;
    absl::Time deadline;
    LeaseDone done;
  };
  struct Watch {
    int64_t token;
    std::string run_id;
    int64_t seen;
    WatchDone done;
  };
  // What is to be done once the mutex is free.
  using Actions = std::vector<std::function<void()>>;

  Coordinator(const CoordinatorOptions& options, const Clock& clock,
              RunStore& store, ModelRegistry& registry,
              CoordinatorMetrics& metrics);

  absl::Status Resume();
  absl::StatusOr<std::unique_ptr<RunWork>> MakeWork(const v1::Run& run,
                                                    TrainingState state);
  // Stores new runs, all or none, and takes them up.
  absl::Status Begin(std::vector<StoredRun> runs);
  absl::StatusOr<v1::RunSpec> PinModels(v1::RunSpec spec);
  void Activate(v1::Run run, std::unique_ptr<RunWork> work);
  // Gives an evaluation that is taken up from the store what it had.
  absl::Status TakeUpResults(const v1::Run& run, RunWork& work);
  // Tells a search that is taken up from the store how its trials stand.
  absl::Status TakeUpTrials(const v1::Run& search, RunWork& work);
  // Tells the search, if `run` is its trial, how it stands.
  void ReportToSearch(const ActiveRun& run, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeTrial(const v1::Run& trial, const std::optional<Model>& model,
                 Actions& actions) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Leases a shard to the worker, if there is one for it; null otherwise.
  const ShardLease* TryLease(const WorkerRecord& worker)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A lease of an active run as the worker gets it.
  v1::Lease Describe(const ShardLease& lease)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The lease that the answer to the submission of `ended` carries; null if
  // there is no shard for the worker. A repeated submission gets the lease that
  // the lost answer carried.
  const ShardLease* NextLease(const std::string& ended,
                              const WorkerRecord& worker, bool repeated)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ServeWaits(Actions& actions) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Counts a revision of the run and wakes its watches.
  void Changed(ActiveRun& run, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends a live lease, and the phase if it was the last that was missing.
  v1::SubmitResultResponse EndLease(const ShardLease& lease,
                                    const v1::SubmitResultRequest& request,
                                    Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends a live lease of an active run by its outcome.
  v1::SubmitResultResponse TakeOutcome(const ShardLease& lease, ActiveRun& run,
                                       const v1::SubmitResultRequest& request)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Accept(const ShardLease& lease, ActiveRun& run)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReopenShard(const ShardLease& lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Bars the worker from the shard; fails the run if nobody else may try it.
  void FailShard(const ShardLease& lease, ActiveRun& run,
                 const std::string& message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Fails the run if the shard has failed too often, or at every worker.
  void FailRunIfHopeless(ActiveRun& run, int shard)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Forgets workers; what is left may be barred from a shard that is open.
  void ForgetWorkers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ExpireLeases() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CountGauges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void CountPhase(int64_t version_before, const TrainingState& state);
  void OpenNextPhase(ActiveRun& run, Actions& actions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Has the closing thread store a result. If the server ends before, it is
  // computed again.
  void SaveLater(ActiveRun& run, RunStore::ShardResult result)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Run on the closing thread, one after another.
  void SaveResults(const std::shared_ptr<ActiveRun>& run);
  void ClosePhase(const std::shared_ptr<ActiveRun>& run);
  void EndRun(const std::string& run_id, v1::Run::State state,
              std::string error);
  // `model`: of a trial that has succeeded, for its search.
  void FinishRun(v1::Run run, const std::optional<Model>& model);
  // Cancels the trials of a search; of any other run, nothing.
  void CancelTrials(const std::string& run_id);
  // Repeats `act` until it succeeds or the coordinator stops: a full disk must
  // lose nothing. False: stopped.
  bool Persist(absl::string_view what,
               const std::function<absl::Status()>& act);

  const CoordinatorOptions options_;
  const Clock& clock_;
  RunStore& store_;
  ModelRegistry& registry_;
  CoordinatorMetrics& metrics_;

  Mutex mu_;
  CondVar stop_;
  LeaseTable leases_ ABSL_GUARDED_BY(mu_);
  WorkerTable workers_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::shared_ptr<ActiveRun>> runs_ ABSL_GUARDED_BY(mu_);
  std::list<LeaseWait> lease_waits_ ABSL_GUARDED_BY(mu_);
  std::list<Watch> watches_ ABSL_GUARDED_BY(mu_);
  int64_t next_token_ ABSL_GUARDED_BY(mu_) = 1;
  int64_t served_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;

  ThreadPool closing_{1};  // last, so that it is joined first
};

}  // namespace metastep

#endif  // METASTEP_SERVER_COORDINATOR_H_
