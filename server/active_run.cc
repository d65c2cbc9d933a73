#include "server/active_run.h"

#include <algorithm>
#include <utility>

namespace metastep {

ActiveRun::ActiveRun(v1::Run run, std::unique_ptr<RunWork> work, absl::Time now)
    : run_(std::move(run)),
      work_(std::move(work)),
      board_(work_->shards()),
      phase_opened_(now) {
  for (int shard = 0; shard < board_.size(); ++shard) {
    if (!work_->Taken(shard)) continue;
    board_.Lease(shard);
    board_.Finish(shard);
  }
}

void ActiveRun::OpenNextPhase(absl::Time now) {
  board_ = ShardBoard(work_->shards());
  ++phase_;
  phase_opened_ = now;
  last_contributors_ = contributors_.size();
  leased_to_.clear();
  contributors_.clear();
}

std::optional<int> ActiveRun::PickShard(const WorkerRecord& worker,
                                        const WorkerTable& workers,
                                        absl::Time now,
                                        absl::Duration hold) const {
  std::optional<int> cold;
  if (board_.open() == 0) return cold;
  for (int shard = 0; shard < board_.size(); ++shard) {
    if (!board_.IsOpen(shard) || !board_.MayTry(shard, worker.worker_id)) {
      continue;
    }
    const std::optional<LanePoint> warm = work_->WarmPoint(shard);
    if (warm && worker.held.count(*warm) > 0) return shard;
    const bool free =
        now - phase_opened_ >= hold || !warm || !workers.IsHeld(*warm);
    if (!cold && free) cold = shard;
  }
  return cold;
}

v1::Run ActiveRun::Snapshot() const {
  v1::Run run = run_;
  work_->Report(board_.done(), run);
  run.set_active_workers(
      static_cast<int>(std::max(last_contributors_, contributors_.size())));
  return run;
}

}  // namespace metastep
