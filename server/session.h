// One client's optimisation: a pinned update rule, the state of each
// coordinate, and how many steps were taken.
#ifndef METASTEP_SERVER_SESSION_H_
#define METASTEP_SERVER_SESSION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "metastep/v1/spec.pb.h"
#include "metastep/v1/step_service.pb.h"
#include "optimizer/model_file.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/update_rule.h"
#include "server/session_budget.h"

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
  absl::Time opened;
  absl::Duration ttl;
};

// What its steps change.
struct SessionProgress {
  int64_t next_step = 1;      // the number that the next step carries
  std::vector<float> update;  // what step next_step - 1 gave, [N]; empty for 0
  std::vector<float> state;   // after that step, [StateFloats(N)]
};

// The rule of a plan. Errors: InvalidArgument (TENSOR_SPEC, RULE_SPEC).
absl::StatusOr<std::unique_ptr<const UpdateRule>> MakeRule(
    const SessionPlan& plan);

// The bytes that a session of this plan holds in memory: state, last update,
// phi, names and shapes. REQUIRES: at most 2^40 coordinates, so that nothing
// overflows.
int64_t SessionBytes(const SessionPlan& plan, const UpdateRule& rule);

// Steps of one session exclude one another. Thread-safe.
class Session {
 public:
  // REQUIRES: the rule is the plan's, and the progress has its sizes.
  Session(SessionPlan plan, std::unique_ptr<const UpdateRule> rule,
          SessionBudget::Room room, SessionProgress progress);

  const SessionPlan& plan() const { return plan_; }

  // Takes step number `step` and returns its update; for the number of the
  // last step, returns the stored update and ignores the gradient. Both are
  // float32, little-endian, all tensors one after another.
  // Errors, each of which leaves the session as it was:
  //   FailedPrecondition (STEP_GAP; expected_step): neither number.
  //   InvalidArgument (GRADIENT_SHAPE): not 4 bytes for each coordinate.
  //   InvalidArgument (GRADIENT_NOT_FINITE; tensor, offset).
  absl::StatusOr<std::string> Step(int64_t step, absl::string_view gradient);

  // A copy, between two steps.
  SessionProgress Progress() const;

  // As clients see it. Never waits for a step.
  v1::Session Describe(absl::Time expires) const;

 private:
  absl::Status CheckGradientSize(absl::string_view gradient) const;
  absl::Status CheckFinite(const std::vector<float>& gradient) const;

  const SessionPlan plan_;
  const std::unique_ptr<const UpdateRule> rule_;
  const SessionBudget::Room room_;

  std::atomic<int64_t> next_step_;  // written under mu_, read without

  mutable Mutex mu_;
  std::vector<float> update_ ABSL_GUARDED_BY(mu_);
  std::vector<float> state_ ABSL_GUARDED_BY(mu_);
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_H_
