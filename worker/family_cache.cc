#include "worker/family_cache.h"

#include <utility>

#include "absl/status/status.h"
#include "optimizee/torch/task_family.h"

namespace metastep {
namespace {

// A family may hold a data set: some 50 MB for MNIST's pixels as bytes.
constexpr size_t kMaxFamilies = 4;

}  // namespace

FamilyCache::FamilyCache(std::filesystem::path data_dir)
    : data_dir_(std::move(data_dir)),
      families_(kMaxFamilies, /*max_weight=*/kMaxFamilies) {}

absl::StatusOr<std::shared_ptr<const TaskFamily>> FamilyCache::Get(
    const v1::TaskSpec& spec) {
  std::string key = spec.SerializeAsString();
  MutexLock lock(mu_);
  if (const auto* family = families_.Find(key)) return *family;
  auto made = MakeTaskFamily(spec, data_dir_);
  if (!made.ok()) {
    // Whatever the reason, waiting for the server does not help: an unreadable
    // file must not look like an unreachable server.
    return absl::FailedPreconditionError(made.status().message());
  }
  std::shared_ptr<const TaskFamily> family = *std::move(made);
  families_.Put(std::move(key), family, /*weight=*/1);
  return family;
}

}  // namespace metastep
