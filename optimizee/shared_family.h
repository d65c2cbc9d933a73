// A task family whose tasks share one immutable object.
#ifndef METASTEP_OPTIMIZEE_SHARED_FAMILY_H_
#define METASTEP_OPTIMIZEE_SHARED_FAMILY_H_

#include <memory>
#include <utility>

#include "optimizee/task.h"

namespace metastep {

// Makes TaskType(std::shared_ptr<const Shared>, key). Thread-safe.
template <typename TaskType, typename Shared>
class SharedFamily final : public TaskFamily {
 public:
  explicit SharedFamily(Shared shared)
      : shared_(std::make_shared<const Shared>(std::move(shared))) {}

  std::unique_ptr<Task> Make(const RngKey& key) const override {
    return std::make_unique<TaskType>(shared_, key);
  }

 private:
  const std::shared_ptr<const Shared> shared_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_SHARED_FAMILY_H_
