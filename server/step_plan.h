// How a session's step is cut into tasks for a pool of threads.
#ifndef METASTEP_SERVER_STEP_PLAN_H_
#define METASTEP_SERVER_STEP_PLAN_H_

#include <cstdint>
#include <vector>

#include "optimizer/update_rule.h"
#include "server/session_state.h"

namespace metastep {

// What one thread computes in one go: adjacent ranges.
struct StepTask {
  std::vector<StepRange> ranges;

  int64_t begin() const { return ranges.front().begin; }
  int64_t end() const { return ranges.back().begin + ranges.back().size; }
  int64_t state_begin() const { return ranges.front().state_begin; }
  int64_t state_size() const {
    return ranges.back().state_begin + ranges.back().state_size - state_begin();
  }
};

// A task has fewer than twice as many coordinates. The 2x20 LSTM takes 2 to 4
// ms for these: how long a thread makes another session wait.
inline constexpr int64_t kTaskCoordinates = 16 << 10;

// Tasks that cover n coordinates of `rule` in order. The cut follows the rule's
// own blocks, so the updates do not depend on it.
std::vector<StepTask> PlanStep(const UpdateRule& rule, int64_t n);

}  // namespace metastep

#endif  // METASTEP_SERVER_STEP_PLAN_H_
