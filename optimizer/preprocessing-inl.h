// Preprocessing of gradients, for the block kernel. Included once for each
// instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_PREPROCESSING_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_PREPROCESSING_INL_H_
#undef METASTEP_OPTIMIZER_PREPROCESSING_INL_H_
#else
#define METASTEP_OPTIMIZER_PREPROCESSING_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <variant>

#include "hwy/highway.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/log_and_sign-inl.h"
#include "optimizer/moments-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// Takes rows of one block: gradients, inputs, and as many of state as the
// preprocessing has variables. Not thread-safe.
class Preprocessor {
 public:
  explicit Preprocessor(const v1::Preprocessing& spec) {
    if (spec.has_log_and_sign()) {
      kind_.emplace<LogAndSign>(spec.log_and_sign().p());
    } else if (spec.has_moments()) {
      kind_.emplace<Moments>(spec.moments());
    }
  }

  // Turns to a step, which counts from 1.
  void At(int64_t step) {
    if (Moments* const moments = std::get_if<Moments>(&kind_)) {
      moments->At(step);
    }
  }

  // As Moments has it.
  void Forward(const float* gradient, const float* before, float* after,
               const float* next, float* inputs) const {
    if (const auto* const moments = std::get_if<Moments>(&kind_)) {
      moments->Forward(gradient, before, after, next, inputs);
    } else if (const auto* const logs = std::get_if<LogAndSign>(&kind_)) {
      logs->Forward(gradient, inputs);
    } else {
      std::copy_n(gradient, kBlock, inputs);
    }
  }
  void Backward(const float* gradient, const float* before,
                const float* input_adjoints, float* state_adjoint,
                float* gradient_adjoint) const {
    if (const auto* const moments = std::get_if<Moments>(&kind_)) {
      moments->Backward(gradient, before, input_adjoints, state_adjoint,
                        gradient_adjoint);
    } else if (const auto* const logs = std::get_if<LogAndSign>(&kind_)) {
      logs->Backward(gradient, input_adjoints, gradient_adjoint);
    } else {
      std::copy_n(input_adjoints, kBlock, gradient_adjoint);
    }
  }

 private:
  std::variant<std::monostate, LogAndSign, Moments> kind_;
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_PREPROCESSING_INL_H_
