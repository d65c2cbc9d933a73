// From a lease to its outcome; knows nothing of the network.
#ifndef METASTEP_WORKER_SHARD_RUNNER_H_
#define METASTEP_WORKER_SHARD_RUNNER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "learner/learner.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/update_rule.h"
#include "worker/family_cache.h"
#include "worker/lane_cache.h"
#include "worker/phi_cache.h"

namespace metastep {

// A lane as it was before a window.
struct LaneBefore {
  std::string run_id;
  int32_t lane = 0;
  WarmLane state;
};

// What a shard gave, until the server has judged it.
struct ShardOutcome {
  // Complete but for the worker's id.
  v1::SubmitResultRequest submission;

  std::optional<LaneBefore> before;  // of a window that was computed
};

// Computes shards. A result is a function of the lease and the phis that it
// names alone; what the runner keeps between shards (families, phis, lane
// states) only saves time. Thread-safe; each slot calls Run, then Settle.
class ShardRunner {
 public:
  ShardRunner(std::filesystem::path data_dir, int64_t lane_memory_bytes,
              PhiCache::Fetch fetch_phi);

  // Computes the shard, and keeps the lane's new state at once: as soon as the
  // server has the result, another slot may be asked for the next window. A
  // shard that cannot be computed (data is missing, the spec is wrong, memory
  // does not suffice, the numerics library failed) has a `failure` for outcome.
  // Errors: Unavailable and Cancelled, from fetching phi: they say nothing
  // about the shard.
  absl::StatusOr<ShardOutcome> Run(const v1::Lease& lease);

  // Puts the lane's old state back unless the result was ACCEPTED or DUPLICATE.
  void Settle(ShardOutcome outcome,
              v1::SubmitResultResponse::Disposition disposition);

  v1::HeldLanes held() const { return lanes_.held(); }

 private:
  absl::Status Compute(const v1::Lease& lease, ShardOutcome& outcome);
  absl::Status RunWindow(const v1::RunSpec& spec, const v1::Lease& lease,
                         ShardOutcome& outcome);
  absl::Status RunEvaluation(const v1::RunSpec& spec, const v1::Lease& lease,
                             ShardOutcome& outcome);
  // The lane of the shard's unroll, at its window or before it: the warm one,
  // or one at the unroll's start.
  absl::StatusOr<WarmLane> TakeLane(const v1::RunSpec& spec,
                                    const v1::Lease& lease,
                                    const Learner& learner);
  // Moves the lane to the shard's window under the recorded phis.
  absl::Status ReplayForward(const v1::Lease& lease, const Learner& learner,
                             WarmLane& lane);
  absl::StatusOr<std::unique_ptr<const UpdateRule>> RuleOf(
      const v1::Lease& lease, const ParameterLayout& layout);
  absl::StatusOr<std::shared_ptr<const Phi>> RunPhi(const std::string& run_id,
                                                    int64_t phi_version);
  // Keeps the phi that a lease brings.
  absl::Status KeepPhi(const v1::RunSpec& spec, const v1::Lease& lease);

  FamilyCache families_;
  PhiCache phis_;
  LaneCache lanes_;
};

}  // namespace metastep

#endif  // METASTEP_WORKER_SHARD_RUNNER_H_
