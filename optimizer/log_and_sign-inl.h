// Preprocessing of gradients by magnitude and sign (Andrychowicz et al.,
// appendix A), in the reference implementation's form. Included once for each
// instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_LOG_AND_SIGN_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_LOG_AND_SIGN_INL_H_
#undef METASTEP_OPTIMIZER_LOG_AND_SIGN_INL_H_
#else
#define METASTEP_OPTIMIZER_LOG_AND_SIGN_INL_H_
#endif

#include <cmath>

#include "hwy/contrib/math/math-inl.h"
#include "hwy/highway.h"
#include "optimizer/activation-inl.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/preprocessing.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// Immutable; thread-safe.
class LogAndSign {
 public:
  explicit LogAndSign(double p)
      : p_(static_cast<float>(p)), slope_(static_cast<float>(std::exp(p))) {}

  // A row of gradients gives one of logarithms and one of signs.
  void Forward(const float* gradient, float* inputs) const {
    const BlockTag d;
    const BlockVec minus_one = hn::Set(d, -1.0f);
    for (size_t k = 0; k < kBlock; k += kLanes) {
      const BlockVec g = hn::Load(d, gradient + k);
      // NaN for NaN, so that it reaches the state.
      const BlockVec sign = Clamped(d, hn::Mul(g, hn::Set(d, slope_)), 1.0f);
      hn::Store(hn::Max(minus_one, LogInput(Magnitude(g))), d, inputs + k);
      hn::Store(sign, d, inputs + kBlock + k);
    }
  }

  // From the adjoints of the two rows to that of the gradients.
  void Backward(const float* gradient, const float* input_adjoints,
                float* gradient_adjoint) const {
    const BlockTag d;
    const BlockVec one = hn::Set(d, 1.0f);
    const BlockVec slope = hn::Set(d, slope_);
    for (size_t k = 0; k < kBlock; k += kLanes) {
      const BlockVec g = hn::Load(d, gradient + k);
      const BlockVec log_slope =
          hn::Div(hn::CopySign(one, g), hn::Mul(Magnitude(g), hn::Set(d, p_)));
      const BlockVec from_log =
          hn::Mul(hn::Load(d, input_adjoints + k), log_slope);
      const BlockVec from_sign =
          hn::Mul(hn::Load(d, input_adjoints + kBlock + k), slope);
      const auto log_moves = hn::And(
          hn::Gt(LogInput(Magnitude(g)), hn::Neg(one)), hn::Ne(g, hn::Zero(d)));
      const auto sign_moves = hn::Le(hn::Abs(hn::Mul(g, slope)), one);
      hn::Store(hn::Add(hn::IfThenElseZero(log_moves, from_log),
                        hn::IfThenElseZero(sign_moves, from_sign)),
                d, gradient_adjoint + k);
    }
  }

 private:
  static BlockVec Magnitude(BlockVec g) {
    return hn::Add(hn::Abs(g), hn::Set(BlockTag(), kLogEpsilon));
  }

  // log(|g| + eps) / p, before the clamp.
  BlockVec LogInput(BlockVec magnitude) const {
    const BlockTag d;
    return hn::Div(hn::Log(d, magnitude), hn::Set(d, p_));
  }

  const float p_;
  const float slope_;
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_LOG_AND_SIGN_INL_H_
