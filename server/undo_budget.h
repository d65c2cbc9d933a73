// How many bytes all steps in progress may keep to be able to go back.
#ifndef METASTEP_SERVER_UNDO_BUDGET_H_
#define METASTEP_SERVER_UNDO_BUDGET_H_

#include <cstdint>

#include "base/mutex.h"

namespace metastep {

// Thread-safe.
class UndoBudget {
 public:
  explicit UndoBudget(int64_t limit) : free_(limit) {}

  // False, and nothing taken, if there is not so much left.
  bool TryTake(int64_t bytes) {
    MutexLock lock(mu_);
    if (bytes > free_) return false;
    free_ -= bytes;
    return true;
  }
  void GiveBack(int64_t bytes) {
    MutexLock lock(mu_);
    free_ += bytes;
  }

 private:
  Mutex mu_;
  int64_t free_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_SERVER_UNDO_BUDGET_H_
