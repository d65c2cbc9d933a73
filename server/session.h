// One client's optimisation: a pinned update rule, the state of each
// coordinate, and how many steps were taken.
#ifndef METASTEP_SERVER_SESSION_H_
#define METASTEP_SERVER_SESSION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "metastep/v1/spec.pb.h"
#include "metastep/v1/step_service.pb.h"
#include "optimizer/model_file.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/update_rule.h"
#include "server/session_budget.h"
#include "server/session_state.h"
#include "server/session_step.h"

namespace metastep {

// The rule that a session is pinned to.
struct PinnedOptimizer {
  std::shared_ptr<const Model> model;  // null: hand-designed
  v1::HandDesignedSpec hand_designed;  // resolved
};

// What never changes over a session's life.
struct SessionPlan {
  std::string session_id;
  std::string request_id;
  PinnedOptimizer optimizer;
  ParameterLayout layout;
  v1::FloatFormat state_format;  // FLOAT32 or BFLOAT16
  absl::Time opened;
  absl::Duration ttl;
};

// What its steps change.
struct SessionProgress {
  int64_t next_step = 1;      // the number that the next step carries
  std::vector<float> update;  // what step next_step - 1 gave, [N]; empty for 0
  SessionState state;         // after that step, [StateFloats(N)]
};

// The rule of a plan. Errors: InvalidArgument (TENSOR_SPEC, RULE_SPEC).
absl::StatusOr<std::unique_ptr<const UpdateRule>> MakeRule(
    const SessionPlan& plan);

// The bytes that a session of this plan holds in memory: state, last update,
// the step in progress, phi, names and shapes. REQUIRES: at most 2^40
// coordinates, so that nothing overflows.
int64_t SessionBytes(const SessionPlan& plan, const UpdateRule& rule);

// Thread-safe.
class Session {
 public:
  // REQUIRES: the rule is the plan's, and the progress has its sizes.
  Session(SessionPlan plan, std::unique_ptr<const UpdateRule> rule,
          SessionBudget::Room room, SessionProgress progress,
          const StepResources& resources);

  const SessionPlan& plan() const { return plan_; }

  using Begun =
      std::function<void(absl::StatusOr<std::shared_ptr<SessionStep>>)>;

  // Calls `begun`, once, when the steps begun before have ended: with step
  // number `step`, or with what forbids it. `wanted` may be empty; it is called
  // at most once, when somebody else waits for the step to end.
  // Errors: FailedPrecondition (STEP_GAP; expected_step): neither the next step
  // nor the one before. ResourceExhausted (SESSION_BUSY).
  void Begin(int64_t step, SessionStep::Listener listener,
             std::function<void()> wanted, const Begun& begun);

  // A copy, between two steps. Waits for a step whose gradient has all come,
  // and has others give way. Errors: ResourceExhausted (SESSION_BUSY).
  absl::StatusOr<SessionProgress> Progress();

  // As clients see it. Never waits for a step.
  v1::Session Describe(absl::Time expires) const;

 private:
  const SessionPlan plan_;
  std::shared_ptr<SessionCore> core_;  // shared with the step in progress
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_H_
