#include "worker/lane_cache.h"

namespace metastep {
namespace {

// Every request for a lease names all lanes, with some 50 bytes each; lanes of
// ended runs are among them until newer ones push them out.
constexpr size_t kMaxLanes = 1024;

}  // namespace

LaneCache::LaneCache(int64_t max_bytes) : lanes_(kMaxLanes, max_bytes) {}

std::optional<WarmLane> LaneCache::Take(const std::string& run_id,
                                        int32_t lane) {
  MutexLock lock(mu_);
  return lanes_.Take({run_id, lane});
}

void LaneCache::Put(const std::string& run_id, int32_t lane, WarmLane state) {
  const int64_t bytes = state.state->bytes();
  MutexLock lock(mu_);
  lanes_.Put({run_id, lane}, std::move(state), bytes);
}

v1::HeldLanes LaneCache::held() const {
  MutexLock lock(mu_);
  v1::HeldLanes held;
  held.set_bytes(lanes_.weight());
  for (const auto& [id, lane, bytes] : lanes_.entries()) {
    v1::LaneHandle& handle = *held.add_lanes();
    handle.set_run_id(id.first);
    handle.set_lane(id.second);
    handle.set_unroll(lane.unroll);
    handle.set_window(lane.window);
  }
  return held;
}

}  // namespace metastep
