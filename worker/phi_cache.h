// The meta-parameters that shards are computed under.
#ifndef METASTEP_WORKER_PHI_CACHE_H_
#define METASTEP_WORKER_PHI_CACHE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "optimizer/rule_factory.h"
#include "worker/lru_map.h"

namespace metastep {

// phi with the learned rules that it belongs to, resolved.
struct Phi {
  std::vector<float> values;
  RuleSpecs rules;
};

// Fetches each phi once and keeps the latest used within a memory bound: a
// version of a run or of a model never changes. Thread-safe.
class PhiCache {
 public:
  // Asks the server. Called by several threads at once.
  using Fetch = std::function<absl::StatusOr<v1::FetchPhiResponse>(
      const v1::FetchPhiRequest&)>;

  PhiCache(int64_t max_bytes, Fetch fetch);

  // Errors: those of Fetch; InvalidArgument: the answer makes no sense.
  absl::StatusOr<std::shared_ptr<const Phi>> Get(
      const v1::FetchPhiRequest& source);
  // Keeps what FetchPhi would answer. Errors: InvalidArgument: it makes no
  // sense.
  absl::Status Put(const v1::FetchPhiRequest& source,
                   const v1::FetchPhiResponse& answer);

 private:
  absl::StatusOr<std::shared_ptr<const Phi>> Keep(
      std::string key, const v1::FetchPhiResponse& answer);

  const Fetch fetch_;

  Mutex mu_;
  LruMap<std::string, std::shared_ptr<const Phi>> phis_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_WORKER_PHI_CACHE_H_
