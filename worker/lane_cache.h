// The lane states that a worker keeps warm.
#ifndef METASTEP_WORKER_LANE_CACHE_H_
#define METASTEP_WORKER_LANE_CACHE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "learner/learner.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "worker/lru_map.h"

namespace metastep {

// A lane at a window's start.
struct WarmLane {
  int64_t unroll = 0;
  int32_t window = 0;
  std::unique_ptr<LaneState> state;
};

// Keeps lane states within a memory bound and forgets the one used longest ago:
// a state that is gone is rebuilt by replay. A slot takes a state out while it
// works on it, so no two slots share one. Thread-safe.
class LaneCache {
 public:
  explicit LaneCache(int64_t max_bytes);

  // Takes a lane's state out; nothing if it is not here.
  std::optional<WarmLane> Take(const std::string& run_id, int32_t lane);

  // Keeps a lane's state, in place of one that is here. A state larger than the
  // bound is dropped.
  void Put(const std::string& run_id, int32_t lane, WarmLane state);

  // What is here, latest used first.
  v1::HeldLanes held() const;

 private:
  using LaneId = std::pair<std::string, int32_t>;  // run, lane

  mutable Mutex mu_;
  LruMap<LaneId, WarmLane> lanes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_WORKER_LANE_CACHE_H_
