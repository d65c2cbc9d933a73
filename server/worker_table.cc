#include "server/worker_table.h"

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

void WorkerTable::SetHeld(WorkerRecord& worker, const v1::HeldLanes& held) {
  LetGo(worker.held);
  worker.held.clear();
  for (const v1::LaneHandle& lane : held.lanes()) {
    Hold(worker, {lane.run_id(), lane.lane(), lane.unroll(), lane.window()});
  }
  worker.held_bytes = held.bytes();
}

void WorkerTable::Hold(WorkerRecord& worker, LanePoint point) {
  const auto [held, added] = worker.held.insert(std::move(point));
  if (added) ++holders_[*held];
}

void WorkerTable::LetGo(const std::set<LanePoint>& held) {
  for (const LanePoint& point : held) {
    const auto holders = holders_.find(point);
    if (--holders->second == 0) holders_.erase(holders);
  }
}

bool WorkerTable::ForgetSilent(absl::Time now) {
  const size_t forgotten = std::erase_if(workers_, [&](const auto& entry) {
    if (now - entry.second.heard <= silence_) return false;
    LetGo(entry.second.held);
    return true;
  });
  return forgotten > 0;
}

}  // namespace metastep
