// Vector tanh and sigmoid, as fractions that a caller divides once for several.
// Included once for each instruction set, by Highway's foreach_target.h.
//
// A division costs as much as 16 multiply-adds of AVX-512 (16 cycles of its
// divider, against two multiply-adds a cycle), so a product of fractions is
// worth its few more multiplications. A reciprocal estimate is no alternative:
// its bits depend on the CPU.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_ACTIVATION_INL_H_
#undef METASTEP_OPTIMIZER_ACTIVATION_INL_H_
#else
#define METASTEP_OPTIMIZER_ACTIVATION_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// tanh(x) = x P(x^2) / Q(x^2): the minimax rational function of relative error
// 2.1e-8 on [-9, 9]; beyond, tanh is 1 to float's precision. All coefficients
// are positive, so nothing cancels.
inline constexpr size_t kTanhTerms = 5;
inline constexpr float kTanhP[kTanhTerms] = {0.99999997994f, 0.13380961941f,
                                             3.49550856431e-3f, 2.060764313e-5f,
                                             1.33524698612e-8f};
inline constexpr float kTanhQ[kTanhTerms] = {
    1.0f, 0.467142777478f, 2.58766893001e-2f, 3.28549876548e-4f,
    7.77570073759e-7f};
inline constexpr float kTanhBound = 9.0f;

// scale * sum over k of (argument_scale t)^k coefficients[k]. Both scales are
// powers of two, so that they change no rounding.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Polynomial(D d, V t, const float (&coefficients)[kTanhTerms],
                        float scale, float argument_scale) {
  float powers[kTanhTerms];
  for (size_t k = 0; k < kTanhTerms; ++k, scale *= argument_scale) {
    powers[k] = scale;
  }
  V sum = hn::Set(d, coefficients[4] * powers[4]);
  sum = hn::MulAdd(sum, t, hn::Set(d, coefficients[3] * powers[3]));
  sum = hn::MulAdd(sum, t, hn::Set(d, coefficients[2] * powers[2]));
  sum = hn::MulAdd(sum, t, hn::Set(d, coefficients[1] * powers[1]));
  return hn::MulAdd(sum, t, hn::Set(d, coefficients[0] * powers[0]));
}

// x between -bound and bound; NaN for NaN. The minimum and maximum of x86's
// vectors give their second argument where one is NaN; others give the number.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V Clamped(D d, V x, float bound) {
  const V high = hn::Set(d, bound);
  const V low = hn::Set(d, -bound);
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  return hn::Min(high, hn::Max(low, x));
#else
  const V above = hn::IfThenElse(hn::Lt(x, low), low, x);
  return hn::IfThenElse(hn::Gt(above, high), high, above);
#endif
}

// 1 <= denominator <= 418, |numerator| <= 836.
template <class V>
struct Fraction {
  V numerator;
  V denominator;
};

// tanh(x). Divided, its relative error is at most 4e-7; of infinity it is 1, of
// NaN NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Fraction<V> TanhFraction(D d, V x) {
  const V bounded = Clamped(d, x, kTanhBound);
  const V t = hn::Mul(bounded, bounded);
  return {hn::Mul(bounded, Polynomial(d, t, kTanhP, 1, 1)),
          Polynomial(d, t, kTanhQ, 1, 1)};
}

// 2 / (1 + e^-x) = 1 + tanh(x / 2). Divided and halved, its absolute error is
// at most 2e-7, without fused multiply-add 2.5e-7; of infinity it is 1 or 0, to
// that error, of NaN NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Fraction<V> TwiceSigmoidFraction(D d, V x) {
  const V bounded = Clamped(d, x, 2 * kTanhBound);
  const V t = hn::Mul(bounded, bounded);
  const V denominator = Polynomial(d, t, kTanhQ, 1, 0.25f);
  return {
      hn::MulAdd(bounded, Polynomial(d, t, kTanhP, 0.5f, 0.25f), denominator),
      denominator};
}

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_ACTIVATION_INL_H_
