// The abstraction that carries the system: an update rule maps (state,
// gradient) to (state, update), coordinate by coordinate. Hand-designed and
// learned rules implement the same interface, so the inner loop of a worker, a
// tuned baseline, the outer optimizer and the step service are one code path.
#ifndef METASTEP_OPTIMIZER_UPDATE_RULE_H_
#define METASTEP_OPTIMIZER_UPDATE_RULE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"

namespace metastep {

class UpdateRule;

// Adjacent coordinates, and the rule that can step any range of them that
// starts at a block of theirs.
struct RulePart {
  const UpdateRule* rule;
  int64_t begin;
  int64_t size;
  int64_t state_begin;  // where the state of `begin` is in that of all
};

// Immutable; thread-safe. State belongs to the caller, its layout to the rule.
//
// A coordinate's update depends on its own gradient and state alone. State is
// laid out in blocks of kBlock coordinates, so a range of coordinates that
// starts at a multiple of kBlock can be stepped by itself, with the state that
// starts at StateFloats(first coordinate).
class UpdateRule {
 public:
  // Coordinates of one state block: one AVX-512 register of float.
  static constexpr int64_t kBlock = 16;

  virtual ~UpdateRule() = default;

  // Floats of state for the first n coordinates: the whole layout for n = N,
  // and the position of coordinate n's block for a multiple of kBlock.
  virtual int64_t StateFloats(int64_t n) const = 0;

  // Floats of state for `variables` variables of each of n coordinates, each
  // variable contiguous within a block.
  static constexpr int64_t BlockedFloats(int64_t variables, int64_t n) {
    return variables * ((n + kBlock - 1) / kBlock * kBlock);
  }

  // The parts of the first n coordinates, in order and without a gap, in the
  // coordinates and in the state. They live as long as the rule.
  virtual std::vector<RulePart> Parts(int64_t n) const {
    return {{this, 0, n, 0}};
  }

  // Takes one step for n = gradient.size() coordinates: writes the amount to
  // add to theta into `update` and the new state into `state`. State before the
  // first step is all zeros.
  // `step` counts from 1 (Adam's bias correction needs it).
  // Non-finite gradients give non-finite updates of their coordinate alone.
  // REQUIRES: update.size() == n, state.size() == StateFloats(n).
  virtual void Step(int64_t step,
                    absl::Span<const float> gradient,     // [n]
                    absl::Span<float> state,              // [StateFloats(n)]
                    absl::Span<float> update) const = 0;  // [n]
};

// An update rule with meta-parameters phi. Immutable; thread-safe.
class LearnedRule : public UpdateRule {
 public:
  // Meta-parameters, in the order of the model file's tensors.
  virtual absl::Span<const float> phi() const = 0;

  // Backpropagates one step: from the adjoints of its outputs to those of its
  // inputs and of phi.
  struct StepAdjoint {
    absl::Span<const float> update;  // dL/du_t, [n]
    absl::Span<float> state;         // in: dL/dstate after the step;
                                     // out: before it. [StateFloats(n)]
    absl::Span<float> gradient;  // out: dL/dg_t, [n]; may be empty: not wanted
    absl::Span<double> phi;      // += dL/dphi, [phi().size()]
  };
  // REQUIRES: sizes as in Step; `state` is the state before the step.
  virtual void StepBackward(int64_t step,
                            absl::Span<const float> gradient,  // [n]
                            absl::Span<const float> state,  // [StateFloats(n)]
                            const StepAdjoint& adjoint) const = 0;

  // K steps of n coordinates: first_step, first_step + 1, ... The first K
  // gradients are what they took. Step t's update moves theta for all later
  // losses, so, with loss s's gradient weights[s - 1] times gradients[s],
  //     dL/du_t = update_adjoints[t]
  //               + sum over s = t + 1 to K of weights[s - 1] * gradients[s].
  struct Window {
    absl::Span<const absl::Span<const float>> gradients;  // [K + 1][n]
    absl::Span<const float> weights;                      // [K]
    // Before the first step.
    absl::Span<const float> state;  // [StateFloats(n)]
    int64_t first_step;             // counts from 1
    // What L has of u_t itself; empty: nothing.
    absl::Span<const absl::Span<const float>> update_adjoints = {};  // [K][n]
  };
  // Backpropagates a window with the gradients held constant, block by block,
  // without storing more than a few blocks' states: adds dL/dphi to
  // `phi_adjoint`. The sum of dL/du_t is added up from s = K on the way back:
  // no step's is stored. All sums run in a fixed order.
  virtual void WindowBackward(
      const Window& window,
      absl::Span<double> phi_adjoint) const = 0;  // [phi().size()]
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_UPDATE_RULE_H_
