// The hand-designed rule that an unroll's updates are to resemble (Chen et al.
// 2020, "Training stronger baselines for learning to optimize").
#ifndef METASTEP_LEARNER_TEACHER_H_
#define METASTEP_LEARNER_TEACHER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/state_vector.h"
#include "optimizer/update_rule.h"

namespace metastep {

// Takes the gradients of an unroll, one after the other, and makes of them the
// updates v_t that it would make itself. A value: a copy goes on by itself. Not
// thread-safe.
class Teacher {
 public:
  // For `n` coordinates, before the first step. REQUIRES: `spec` is resolved.
  // Errors: those of MakeHandDesignedRule.
  static absl::StatusOr<Teacher> Create(const v1::ImitationSpec& spec,
                                        size_t n);

  // Takes the gradient [n] of a step, which counts from 1.
  void Step(int64_t step, absl::Span<const float> gradient);

  // The derivative by u_t of weight * |u_t - v_t|^2 / |v_t|^2, [n], valid until
  // the next call. v_t, which the last step made, counts as a constant; where
  // it is 0 there is nothing to imitate, and the derivative is 0.
  absl::Span<const float> AdjointOf(absl::Span<const float> update);

  // Memory that it holds and that grows with n.
  int64_t bytes() const;

 private:
  Teacher(std::shared_ptr<const UpdateRule> rule, double weight, size_t n);

  std::shared_ptr<const UpdateRule> rule_;
  double weight_;
  StateVector<float> state_;
  std::vector<float> update_;   // v_t, [n]
  std::vector<float> adjoint_;  // [n]
};

}  // namespace metastep

#endif  // METASTEP_LEARNER_TEACHER_H_
