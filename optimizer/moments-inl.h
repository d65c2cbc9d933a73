// Preprocessing of gradients by their running moments (Lv et al. 2017).
// Included once for each instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_MOMENTS_INL_H_
#undef METASTEP_OPTIMIZER_MOMENTS_INL_H_
#else
#define METASTEP_OPTIMIZER_MOMENTS_INL_H_
#endif

#include <cmath>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/preprocessing.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// With M = m' / (1 - beta1^t) and V = v' / (1 - beta2^t), the inputs are
//   g / (sqrt(V) + e), M / (sqrt(V) + e).
// The state is m, v; its rows need not be aligned. Not thread-safe.
class Moments {
 public:
  explicit Moments(const v1::Preprocessing::Moments& spec)
      : beta1_(spec.beta1()), beta2_(spec.beta2()) {}

  // Turns to a step, which counts from 1.
  void At(int64_t step) {
    const double t = static_cast<double>(step);
    correction1_ = static_cast<float>(1 / (1 - std::pow(beta1_, t)));
    correction2_ = static_cast<float>(1 / (1 - std::pow(beta2_, t)));
  }

  // A row of gradients gives two of inputs. `next` is a state to be prefetched.
  void Forward(const float* gradient, const float* before, float* after,
               const float* next, float* inputs) const {
    const BlockTag d;
    for (size_t k = 0; k < kBlock; k += kLanes) {
      hwy::Prefetch(next + k);
      hwy::Prefetch(next + kBlock + k);
      const BlockVec g = hn::Load(d, gradient + k);
      const Values made = Make(g, before + k);
      hn::StoreU(made.m, d, after + k);
      hn::StoreU(made.v, d, after + kBlock + k);
      hn::Store(hn::Mul(g, made.inverse), d, inputs + k);
      hn::Store(hn::Mul(made.corrected_m, made.inverse), d,
                inputs + kBlock + k);
    }
  }

  // From the adjoints of the inputs and of the state after the step to those of
  // the gradients and of the state before it.
  void Backward(const float* gradient, const float* before,
                const float* input_adjoints, float* state_adjoint,
                float* gradient_adjoint) const {
    const BlockTag d;
    const BlockVec half = hn::Set(d, 0.5f);
    for (size_t k = 0; k < kBlock; k += kLanes) {
      const BlockVec g = hn::Load(d, gradient + k);
      const Values made = Make(g, before + k);
      const BlockVec of_g =
          hn::Mul(hn::Load(d, input_adjoints + k), made.inverse);
      const BlockVec of_m =
          hn::Mul(hn::Load(d, input_adjoints + kBlock + k), made.inverse);
      const BlockVec dm = hn::MulAdd(of_m, hn::Set(d, correction1_),
                                     hn::Load(d, state_adjoint + k));
      // Of the denominator, and through its root. Where v is 0, so are g and m,
      // and the inputs do not move with it.
      const BlockVec of_root =
          hn::Mul(hn::Neg(hn::MulAdd(of_g, g, hn::Mul(of_m, made.corrected_m))),
                  made.inverse);
      const BlockVec of_v = hn::Div(
          hn::Mul(of_root, hn::Mul(half, hn::Set(d, correction2_))), made.root);
      const BlockVec dv =
          hn::Add(hn::IfThenElseZero(hn::Ne(made.root, hn::Zero(d)), of_v),
                  hn::Load(d, state_adjoint + kBlock + k));
      const BlockVec through_m =
          hn::MulAdd(hn::Set(d, OneMinus(beta1_)), dm, of_g);
      const BlockVec v_slope = hn::Mul(hn::Set(d, 2 * OneMinus(beta2_)), g);
      hn::Store(hn::MulAdd(v_slope, dv, through_m), d, gradient_adjoint + k);
      hn::Store(hn::Mul(hn::Set(d, Beta(beta1_)), dm), d, state_adjoint + k);
      hn::Store(hn::Mul(hn::Set(d, Beta(beta2_)), dv), d,
                state_adjoint + kBlock + k);
    }
  }

 private:
  struct Values {
    BlockVec m, v;  // after the step
    BlockVec corrected_m;
    BlockVec root;     // sqrt(V)
    BlockVec inverse;  // 1 / (sqrt(V) + e)
  };

  static float Beta(double beta) { return static_cast<float>(beta); }
  static float OneMinus(double beta) { return static_cast<float>(1 - beta); }

  // beta x + (1 - beta) y
  static BlockVec Mean(double beta, BlockVec x, BlockVec y) {
    const BlockTag d;
    return hn::MulAdd(hn::Set(d, Beta(beta)), x,
                      hn::Mul(hn::Set(d, OneMinus(beta)), y));
  }

  HWY_INLINE Values Make(BlockVec g, const float* before) const {
    const BlockTag d;
    Values made;
    made.m = Mean(beta1_, hn::LoadU(d, before), g);
    made.v = Mean(beta2_, hn::LoadU(d, before + kBlock), hn::Mul(g, g));
    made.corrected_m = hn::Mul(made.m, hn::Set(d, correction1_));
    made.root = hn::Sqrt(hn::Mul(made.v, hn::Set(d, correction2_)));
    made.inverse = hn::Div(hn::Set(d, 1.0f),
                           hn::Add(made.root, hn::Set(d, kMomentsEpsilon)));
    return made;
  }

  const double beta1_;
  const double beta2_;
  float correction1_ = 1;
  float correction2_ = 1;
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_MOMENTS_INL_H_
