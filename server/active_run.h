// A run that is being computed: its work, the board of its open phase, and the
// rules by which a worker gets one of its shards.
#ifndef METASTEP_SERVER_ACTIVE_RUN_H_
#define METASTEP_SERVER_ACTIVE_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "metastep/v1/run_service.pb.h"
#include "server/run_store.h"
#include "server/run_work.h"
#include "server/shard_board.h"
#include "server/worker_table.h"

namespace metastep {

// Not thread-safe.
class ActiveRun {
 public:
  ActiveRun(v1::Run run, std::unique_ptr<RunWork> work, absl::Time now);

  const std::string& id() const { return run_.run_id(); }
  // Of the search whose trial this is; empty for any other.
  const std::string& search_id() const { return run_.search_run_id(); }
  const v1::RunSpec& spec() const { return run_.spec(); }
  RunWork& work() { return *work_; }
  const RunWork& work() const { return *work_; }
  ShardBoard& board() { return board_; }
  // Counts the phases of this process.
  int64_t phase() const { return phase_; }
  // Outer steps taken before the open phase; 0 where there are none.
  int64_t round() const {
    return work_->state() == nullptr ? 0 : work_->state()->phi_version;
  }
  // The phase's results are all in; nothing is leased until OpenNextPhase.
  bool closing() const { return board_.complete(); }
  // Goes back to the first shard of the work's new phase.
  void OpenNextPhase(absl::Time now);

  // The shard that this worker should compute: one whose lane it holds; else an
  // open one that nobody else holds; else, once the phase has been open for
  // `hold`, any. A cold worker waits that long because a replay costs more than
  // the wait when the holder is alive.
  std::optional<int> PickShard(const WorkerRecord& worker,
                               const WorkerTable& workers, absl::Time now,
                               absl::Duration hold) const;

  // Notes that a worker's result of the open phase was accepted.
  void Contributed(const std::string& worker_id) {
    contributors_.insert(worker_id);
  }

  // Whether a lease of the open phase is the worker's first, which brings it
  // phi; from then on it is not.
  bool FirstLeaseOf(const std::string& worker_id) {
    return leased_to_.insert(worker_id).second;
  }

  // The run as its owner sees it.
  v1::Run Snapshot() const;

  // Scheduling: live leases, and when the last was given (a counter).
  int leases = 0;
  int64_t last_served = 0;
  // Counts what changed in the snapshot.
  int64_t revision = 1;
  // An evaluation's results that were taken and are not in the store yet.
  std::vector<RunStore::ShardResult> unsaved;

 private:
  v1::Run run_;
  std::unique_ptr<RunWork> work_;
  ShardBoard board_;
  int64_t phase_ = 0;
  absl::Time phase_opened_;
  std::set<std::string> leased_to_;     // in the open phase
  std::set<std::string> contributors_;  // to the open phase
  size_t last_contributors_ = 0;        // to the phase before
};

}  // namespace metastep

#endif  // METASTEP_SERVER_ACTIVE_RUN_H_
