// Leases: who computes which shard, and until when.
#ifndef METASTEP_SERVER_LEASE_TABLE_H_
#define METASTEP_SERVER_LEASE_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace metastep {

// A lease that is live.
struct ShardLease {
  std::string lease_id;
  std::string run_id;
  int64_t phase;  // of the run
  int shard;
  std::string worker_id;
  absl::Time expires;
  // The lease whose submission's answer carried this one; empty: none did.
  std::string carried_by;
};

// A lease is live from Grant until it is settled or expires. Ids are a counter
// under a random epoch, so no restart repeats one. Not thread-safe.
class LeaseTable {
 public:
  // `epoch` is unique to this process.
  LeaseTable(std::string epoch, absl::Duration duration)
      : epoch_(std::move(epoch)), duration_(duration) {}

  int live() const { return static_cast<int>(leases_.size()); }

  const ShardLease& Grant(std::string run_id, int64_t phase, int shard,
                          std::string worker_id, absl::Time now);
  // Null if there is no such live lease.
  const ShardLease* Find(const std::string& lease_id) const;
  // Notes that the answer to the submission of `by` carries a live lease.
  void SetCarriedBy(const std::string& lease_id, const std::string& by);
  // The live lease that the answer to the submission of `by` carried; null if
  // there is none. Looks through all, for repeated submissions are rare.
  const ShardLease* FindCarriedBy(const std::string& by) const;
  // Extends a live lease of this worker; false if there is none.
  bool Renew(const std::string& lease_id, const std::string& worker_id,
             absl::Time now);
  // Ends a live lease whose result was counted.
  void Settle(const std::string& lease_id);
  // Ends a live lease without a result.
  void Drop(const std::string& lease_id);
  // Whether a result under this lease was counted; known until its run's phase
  // after next, or its end.
  bool WasSettled(const std::string& lease_id) const;
  void ForgetSettledBefore(const std::string& run_id, int64_t phase);

  // Ends and returns the leases that have expired.
  std::vector<ShardLease> TakeExpired(absl::Time now);
  int LiveOfWorker(const std::string& worker_id) const;

 private:
  const std::string epoch_;
  const absl::Duration duration_;
  int64_t next_ = 1;
  std::map<std::string, ShardLease> leases_;  // live
  std::map<std::string, std::pair<std::string, int64_t>>
      settled_;  // lease -> run, phase
};

}  // namespace metastep

#endif  // METASTEP_SERVER_LEASE_TABLE_H_
