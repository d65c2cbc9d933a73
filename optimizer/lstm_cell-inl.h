// The LSTM cell, for the block kernel. Included once for each instruction set,
// by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_LSTM_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_LSTM_CELL_INL_H_
#undef METASTEP_OPTIMIZER_LSTM_CELL_INL_H_
#else
#define METASTEP_OPTIMIZER_LSTM_CELL_INL_H_
#endif

#include <cstddef>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "optimizer/activation-inl.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/layer_step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// State: h, c. Own rows: the gates i, j (the candidate), f, o, first their
// pre-activations, then their values, in the end the adjoints of the
// pre-activations; then tanh(c) of c after the step.
class LstmCell {
 public:
  explicit LstmCell(float forget_bias) : forget_bias_(forget_bias) {}

  template <Keep kKeep, class Layer>
  void Forward(const Layer& layer) const {
    layer.Multiply(0);
    layer.ForEachBlock([&](const CellRows& rows) HWY_ATTR {
      MakeC<kKeep>(rows);
      MakeH<kKeep>(rows);
    });
  }

  template <class Layer>
  void Backward(const Layer& layer) const {
    layer.ForEachBlock([&](const CellRows& rows)
                           HWY_ATTR { ActivateBackward(rows); });
    layer.MultiplyBackward(0);
  }

 private:
  static constexpr size_t kGates = 4;

  // The gates of the unit and the lanes of number k of the state.
  static float* GatesAt(const CellRows& rows, size_t k) {
    return rows.own + (kGates * (k / kBlock) * kBlock + k % kBlock);
  }

  // Two divisions for five fractions. With i = I/(2 Qi), j = J/Qj, f = F/(2
  // Qf):
  //   c' = f c + i j = (F c Qi Qj + I J Qf) / (2 Qf Qi Qj).
  // A denominator is at most 418, so that c may reach 10^30.
  template <Keep kKeep>
  HWY_INLINE void MakeC(const CellRows& rows) const {
    const size_t n = rows.units * kBlock;
    const BlockTag d;
    for (size_t k = 0; k < n; k += kLanes) {
      float* const at = GatesAt(rows, k);
      hwy::Prefetch(rows.next + n + k);
      const auto i = TwiceSigmoidFraction(d, hn::Load(d, at));
      const auto j = TanhFraction(d, hn::Load(d, at + kBlock));
      const auto f = TwiceSigmoidFraction(
          d, hn::Add(hn::Load(d, at + 2 * kBlock), hn::Set(d, forget_bias_)));
      const BlockVec ij = hn::Mul(i.denominator, j.denominator);
      const BlockVec inverse =
          hn::Div(hn::Set(d, 0.5f), hn::Mul(ij, f.denominator));
      const BlockVec kept =
          hn::Mul(f.numerator, hn::LoadU(d, rows.before + n + k));
      const BlockVec added =
          hn::Mul(hn::Mul(i.numerator, j.numerator), f.denominator);
      hn::StoreU(hn::Mul(hn::MulAdd(kept, ij, added), inverse), d,
                 rows.after + n + k);
      if constexpr (kKeep == Keep::kTrace) {
        const BlockVec i_inverse =
            hn::Mul(hn::Mul(j.denominator, f.denominator), inverse);
        const BlockVec j_inverse = hn::Mul(
            hn::Mul(i.denominator, f.denominator), hn::Add(inverse, inverse));
        hn::Store(hn::Mul(i.numerator, i_inverse), d, at);
        hn::Store(hn::Mul(j.numerator, j_inverse), d, at + kBlock);
        hn::Store(hn::Mul(f.numerator, hn::Mul(ij, inverse)), d,
                  at + 2 * kBlock);
      }
    }
  }

  // h' = o tanh(c') = O T / (2 Qo Qt). Apart from MakeC: a chain of two
  // divisions would take more instructions in flight than the CPU holds.
  template <Keep kKeep>
  HWY_INLINE void MakeH(const CellRows& rows) const {
    const size_t n = rows.units * kBlock;
    const BlockTag d;
    for (size_t k = 0; k < n; k += kLanes) {
      float* const at = GatesAt(rows, k);
      const auto o = TwiceSigmoidFraction(d, hn::Load(d, at + 3 * kBlock));
      const auto squashed = TanhFraction(d, hn::LoadU(d, rows.after + n + k));
      const BlockVec inverse = hn::Div(
          hn::Set(d, 0.5f), hn::Mul(o.denominator, squashed.denominator));
      const BlockVec h =
          hn::Mul(hn::Mul(o.numerator, squashed.numerator), inverse);
      hn::StoreU(h, d, rows.after + k);
      hn::Store(h, d, rows.above + k);
      if constexpr (kKeep == Keep::kTrace) {
        const BlockVec tanh_inverse =
            hn::Mul(o.denominator, hn::Add(inverse, inverse));
        hn::Store(hn::Mul(o.numerator, hn::Mul(squashed.denominator, inverse)),
                  d, at + 3 * kBlock);
        hn::Store(hn::Mul(squashed.numerator, tanh_inverse), d,
                  rows.own + 4 * n + k);
      }
    }
  }

  // From the adjoints of h and c after the step to those of the pre-activations
  // and of c before it.
  HWY_INLINE void ActivateBackward(const CellRows& rows) const {
    const size_t n = rows.units * kBlock;
    float* const h_adjoint = rows.state_adjoint;
    float* const c_adjoint = rows.state_adjoint + n;
    const BlockTag d;
    const BlockVec one = hn::Set(d, 1.0f);
    for (size_t k = 0; k < n; k += kLanes) {
      float* const at = GatesAt(rows, k);
      const BlockVec i = hn::Load(d, at);
      const BlockVec j = hn::Load(d, at + kBlock);
      const BlockVec f = hn::Load(d, at + 2 * kBlock);
      const BlockVec o = hn::Load(d, at + 3 * kBlock);
      const BlockVec squashed = hn::Load(d, rows.own + 4 * n + k);
      const BlockVec c_before = hn::LoadU(d, rows.before + n + k);
      const BlockVec dh = hn::Load(d, h_adjoint + k);
      const BlockVec dc =
          hn::MulAdd(hn::Mul(dh, o), hn::NegMulAdd(squashed, squashed, one),
                     hn::Load(d, c_adjoint + k));
      // The derivative of a sigmoid s is s (1 - s) = s - s s.
      const BlockVec di = hn::Mul(hn::Mul(dc, j), hn::NegMulAdd(i, i, i));
      const BlockVec dj = hn::Mul(hn::Mul(dc, i), hn::NegMulAdd(j, j, one));
      const BlockVec df =
          hn::Mul(hn::Mul(dc, c_before), hn::NegMulAdd(f, f, f));
      const BlockVec d_o =
          hn::Mul(hn::Mul(dh, squashed), hn::NegMulAdd(o, o, o));
      hn::Store(di, d, at);
      hn::Store(dj, d, at + kBlock);
      hn::Store(df, d, at + 2 * kBlock);
      hn::Store(d_o, d, at + 3 * kBlock);
      hn::Store(hn::Zero(d), d, h_adjoint + k);
      hn::Store(hn::Mul(dc, f), d, c_adjoint + k);
    }
  }

  const float forget_bias_;
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_LSTM_CELL_INL_H_
