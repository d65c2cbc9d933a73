// Vector tanh and sigmoid. Included once for each instruction set, by Highway's
// foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_ACTIVATION_INL_H_
#undef METASTEP_OPTIMIZER_ACTIVATION_INL_H_
#else
#define METASTEP_OPTIMIZER_ACTIVATION_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// tanh(x) as x P(x^2) / Q(x^2), the minimax rational function of relative error
// 2.1e-8 on [-9, 9]; beyond, tanh is 1 to float's precision. All coefficients
// are positive, so nothing cancels: with rounding the relative error is at most
// 4e-7. A division, unlike a reciprocal estimate, gives the same bits on every
// CPU.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V RationalTanh(D d, V x) {
  const V bounded = hn::Min(hn::Max(x, hn::Set(d, -9.0f)), hn::Set(d, 9.0f));
  const V t = hn::Mul(bounded, bounded);
  V p = hn::Set(d, 1.33524698612e-8f);
  p = hn::MulAdd(p, t, hn::Set(d, 2.060764313e-5f));
  p = hn::MulAdd(p, t, hn::Set(d, 3.49550856431e-3f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.13380961941f));
  p = hn::MulAdd(p, t, hn::Set(d, 0.99999997994f));
  V q = hn::Set(d, 7.77570073759e-7f);
  q = hn::MulAdd(q, t, hn::Set(d, 3.28549876548e-4f));
  q = hn::MulAdd(q, t, hn::Set(d, 2.58766893001e-2f));
  q = hn::MulAdd(q, t, hn::Set(d, 0.467142777478f));
  q = hn::MulAdd(q, t, hn::Set(d, 1.0f));
  return hn::Div(hn::Mul(bounded, p), q);
}

// 1 / (1 + e^-x), to an absolute error of 2e-7.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V RationalSigmoid(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  return hn::MulAdd(half, RationalTanh(d, hn::Mul(half, x)), half);
}

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_ACTIVATION_INL_H_
