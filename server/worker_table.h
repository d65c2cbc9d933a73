// The workers that are registered and the lane states that they hold.
#ifndef METASTEP_SERVER_WORKER_TABLE_H_
#define METASTEP_SERVER_WORKER_TABLE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "metastep/v1/coordinator_service.pb.h"

namespace metastep {

// A point in a lane's life; comparable.
struct LanePoint {
  std::string run_id;
  int lane;
  int64_t unroll;
  int window;
  auto operator<=>(const LanePoint&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const LanePoint& point) {
    return H::combine(std::move(hash), point.run_id, point.lane, point.unroll,
                      point.window);
  }
};

struct WorkerRecord {
  std::string worker_id;
  std::string name;
  int slots;
  absl::Time heard;
  std::set<LanePoint> held;
  int64_t held_bytes = 0;
  int64_t accepted = 0;
};

// Not thread-safe.
class WorkerTable {
 public:
  // A worker that is not heard of for `silence` is forgotten.
  WorkerTable(std::string epoch, absl::Duration silence)
      : epoch_(std::move(epoch)), silence_(silence) {}

  const WorkerRecord& Register(std::string name, int slots, absl::Time now);
  // Null if unknown. Notes that the worker was heard of.
  WorkerRecord* Hear(const std::string& worker_id, absl::Time now);
  // Takes over what a worker says it holds.
  void SetHeld(WorkerRecord& worker, const v1::HeldLanes& held);
  // Adds to what a worker holds.
  void Hold(WorkerRecord& worker, LanePoint point);
  // Whether any worker holds the state at this point.
  bool IsHeld(const LanePoint& point) const { return holders_.contains(point); }
  // Returns whether there was any to forget.
  bool ForgetSilent(absl::Time now);

  const std::map<std::string, WorkerRecord>& all() const { return workers_; }

 private:
  // Takes what a worker held out of holders_.
  void LetGo(const std::set<LanePoint>& held);

  const std::string epoch_;
  const absl::Duration silence_;
  int64_t next_ = 1;
  std::map<std::string, WorkerRecord> workers_;
  // How many workers hold a point.
  absl::flat_hash_map<LanePoint, int> holders_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_WORKER_TABLE_H_
