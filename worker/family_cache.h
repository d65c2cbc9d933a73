// The task families that shards draw their tasks from.
#ifndef METASTEP_WORKER_FAMILY_CACHE_H_
#define METASTEP_WORKER_FAMILY_CACHE_H_

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"
#include "worker/lru_map.h"

namespace metastep {

// Makes each family once, so that its data set is read once, and keeps the
// latest used. Thread-safe.
class FamilyCache {
 public:
  // Data sets are read under `data_dir`.
  explicit FamilyCache(std::filesystem::path data_dir);

  // The family of a resolved spec. Slots that start together wait for the one
  // that reads the data.
  // Errors: FailedPrecondition: it cannot be made here, with the reason.
  absl::StatusOr<std::shared_ptr<const TaskFamily>> Get(
      const v1::TaskSpec& spec);

 private:
  const std::filesystem::path data_dir_;

  Mutex mu_;
  LruMap<std::string, std::shared_ptr<const TaskFamily>> families_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_WORKER_FAMILY_CACHE_H_
