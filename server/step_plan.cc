#include "server/step_plan.h"

#include <algorithm>

namespace metastep {
namespace {

// Up to `limit` coordinates of a part, from `offset` in it on.
StepRange RangeOf(const RulePart& part, int64_t offset, int64_t limit) {
  const int64_t size = std::min(limit, part.size - offset);
  return {part.rule, part.begin + offset, size,
          part.state_begin + part.rule->StateFloats(offset),
          part.rule->StateFloats(size)};
}

}  // namespace

std::vector<StepTask> PlanStep(const UpdateRule& rule, int64_t n) {
  std::vector<StepTask> tasks;
  for (const RulePart& part : rule.Parts(n)) {
    for (int64_t offset = 0; offset < part.size;) {
      if (tasks.empty() ||
          tasks.back().end() - tasks.back().begin() >= kTaskCoordinates) {
        tasks.emplace_back();
      }
      tasks.back().ranges.push_back(RangeOf(part, offset, kTaskCoordinates));
      offset += tasks.back().ranges.back().size;
    }
  }
  return tasks;
}

}  // namespace metastep
