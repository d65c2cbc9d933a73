// Runs on disk: SQLite in WAL mode, in synchronous transactions, one a round of
// a training. docs/storage.md describes the tables.
#ifndef METASTEP_SERVER_RUN_STORE_H_
#define METASTEP_SERVER_RUN_STORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "metastep/v1/run_service.pb.h"
#include "server/sqlite.h"

namespace metastep {

// All that a training run carries from one round to the next.
struct TrainingState {
  int64_t phi_version = 0;  // outer steps taken
  // The versions that unrolls in progress have used, and the newest.
  std::map<int64_t, std::shared_ptr<const std::vector<float>>> phi;
  std::vector<float> outer_state;  // of the outer update rule
  std::optional<v1::Round> last_round;
  std::optional<v1::ValidationScore> latest_validation;
  std::optional<v1::ValidationScore> best_validation;
  std::vector<float> best_phi;
  int validations_since_best = 0;
};

// A run's row.
struct StoredRun {
  v1::Run run;
  std::string request_id;
  std::string request_sha256;  // of the spec as the client meant it
};

// Thread-safe.
class RunStore {
 public:
  // Opens or makes the database; ":memory:" keeps none on disk.
  // Errors: Unavailable: cannot open; FailedPrecondition: written by a newer
  // version.
  static absl::StatusOr<std::unique_ptr<RunStore>> Open(
      const std::string& path);

  // All errors below but those named: Unavailable, with SQLite's reason.

  // Adds runs, all or none, in this order, each with the first state of its
  // training, if it has one.
  struct NewRun {
    StoredRun stored;
    const TrainingState* training;
  };
  absl::Status Create(const std::vector<NewRun>& runs);
  // Writes the state after a round or a validation, and the row of its last
  // round.
  absl::Status Commit(const std::string& run_id, const TrainingState& training);
  // Writes results of a run that is an evaluation, until it is finished.
  struct ShardResult {
    int shard;
    v1::EvaluationResult result;
  };
  absl::Status Keep(const std::string& run_id,
                    const std::vector<ShardResult>& results);
  // Writes the run's final state, error, model and curves.
  absl::Status Finish(const v1::Run& run);

  // Errors: NotFound.
  absl::StatusOr<StoredRun> Load(const std::string& run_id);
  absl::StatusOr<TrainingState> LoadTraining(const std::string& run_id);
  // What was kept, by shard.
  absl::StatusOr<std::vector<ShardResult>> LoadResults(
      const std::string& run_id);
  absl::StatusOr<std::optional<StoredRun>> FindByRequest(
      const std::string& request_id);
  // Newest first, those older than `before` (a run's sequence number; 0: all).
  // Each comes with its sequence number.
  struct ListedRun {
    int64_t sequence;
    v1::Run run;  // without curves
  };
  absl::StatusOr<std::vector<ListedRun>> List(int64_t before, int limit);
  absl::StatusOr<std::vector<StoredRun>> LoadRunning();
  // Rounds with phi_version >= first, in order.
  absl::StatusOr<std::vector<v1::Round>> Rounds(const std::string& run_id,
                                                int64_t first, int limit);

 private:
  absl::Status Insert(const NewRun& run) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  explicit RunStore(std::unique_ptr<Sqlite> db) : db_(std::move(db)) {}

  absl::Status WriteTraining(const std::string& run_id,
                             const TrainingState& state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  const std::unique_ptr<Sqlite> db_ ABSL_PT_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_SERVER_RUN_STORE_H_
