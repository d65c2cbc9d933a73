#include "server/worker_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace metastep {

const WorkerRecord& WorkerTable::Register(std::string name, int slots,
                                          absl::Time now) {
  std::string worker_id = absl::StrCat(epoch_, "-w", next_++);
  WorkerRecord& worker = workers_[worker_id];
  worker.worker_id = std::move(worker_id);
  worker.name = std::move(name);
  worker.slots = slots;
  worker.heard = now;
  return worker;
}

WorkerRecord* WorkerTable::Hear(const std::string& worker_id, absl::Time now) {
  const auto it = workers_.find(worker_id);
  if (it == workers_.end()) return nullptr;
  it->second.heard = now;
  return &it->second;
}

void WorkerTable::SetHeld(WorkerRecord& worker,
                          const v1::LeaseShardRequest& request) {
  worker.held.clear();
  for (const v1::LaneHandle& lane : request.held()) {
    worker.held.insert(
        {lane.run_id(), lane.lane(), lane.unroll(), lane.window()});
  }
  worker.held_bytes = request.held_bytes();
}

bool WorkerTable::HeldByAnother(const LanePoint& point,
                                const std::string& worker_id) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return entry.first != worker_id && entry.second.held.count(point) > 0;
  });
}

void WorkerTable::ForgetSilent(absl::Time now) {
  std::erase_if(workers_, [&](const auto& entry) {
    return now - entry.second.heard > silence_;
  });
}

}  // namespace metastep
