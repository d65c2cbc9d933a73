#include "server/lease_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace metastep {

const ShardLease& LeaseTable::Grant(std::string run_id, int64_t phase,
                                    int shard, std::string worker_id,
                                    absl::Time now) {
  std::string lease_id = absl::StrCat(epoch_, "-", next_++);
  ShardLease& lease = leases_[lease_id];
  lease = {.lease_id = lease_id,
           .run_id = std::move(run_id),
           .phase = phase,
           .shard = shard,
           .worker_id = std::move(worker_id),
           .expires = now + duration_,
           .carried_by = ""};
  return lease;
}

const ShardLease* LeaseTable::Find(const std::string& lease_id) const {
  const auto it = leases_.find(lease_id);
  return it == leases_.end() ? nullptr : &it->second;
}

void LeaseTable::SetCarriedBy(const std::string& lease_id,
                              const std::string& by) {
  leases_.at(lease_id).carried_by = by;
}

const ShardLease* LeaseTable::FindCarriedBy(const std::string& by) const {
  const auto it = std::find_if(
      leases_.begin(), leases_.end(),
      [&](const auto& entry) { return entry.second.carried_by == by; });
  return it == leases_.end() ? nullptr : &it->second;
}

bool LeaseTable::Renew(const std::string& lease_id,
                       const std::string& worker_id, absl::Time now) {
  const auto it = leases_.find(lease_id);
  if (it == leases_.end() || it->second.worker_id != worker_id) return false;
  it->second.expires = now + duration_;
  return true;
}

void LeaseTable::Settle(const std::string& lease_id) {
  const auto it = leases_.find(lease_id);
  settled_[lease_id] = {it->second.run_id, it->second.phase};
  leases_.erase(it);
}

void LeaseTable::Drop(const std::string& lease_id) { leases_.erase(lease_id); }

bool LeaseTable::WasSettled(const std::string& lease_id) const {
  return settled_.count(lease_id) > 0;
}

void LeaseTable::ForgetSettledBefore(const std::string& run_id, int64_t phase) {
  std::erase_if(settled_, [&](const auto& entry) {
    return entry.second.first == run_id && entry.second.second < phase;
  });
}

std::vector<ShardLease> LeaseTable::TakeExpired(absl::Time now) {
  std::vector<ShardLease> expired;
  std::erase_if(leases_, [&](const auto& entry) {
    if (entry.second.expires > now) return false;
    expired.push_back(entry.second);
    return true;
  });
  return expired;
}

int LeaseTable::LiveOfWorker(const std::string& worker_id) const {
  return static_cast<int>(std::count_if(
      leases_.begin(), leases_.end(),
      [&](const auto& entry) { return entry.second.worker_id == worker_id; }));
}

}  // namespace metastep
