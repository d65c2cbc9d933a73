// The GRU cell, for the block kernel. Included once for each instruction set,
// by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_GRU_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_GRU_CELL_INL_H_
#undef METASTEP_OPTIMIZER_GRU_CELL_INL_H_
#else
#define METASTEP_OPTIMIZER_GRU_CELL_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "optimizer/activation-inl.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/layer_step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// State: h. Own rows: the gates r, z, first their pre-activations, then their
// values, in the end the adjoints of the pre-activations; then so for n, whose
// first pre-activation is W x + b alone; then q = U h + c, and in the end its
// adjoint.
class GruCell {
 public:
  template <Keep kKeep, class Layer>
  void Forward(const Layer& layer) const {
    layer.Multiply(kGatesProduct);
    layer.Multiply(kCandidateProduct);
    layer.Multiply(kRecurrentProduct);
    layer.ForEachBlock([&](const CellRows& rows)
                           HWY_ATTR { Activate<kKeep>(rows); });
  }

  template <class Layer>
  void Backward(const Layer& layer) const {
    layer.ForEachBlock([&](const CellRows& rows)
                           HWY_ATTR { ActivateBackward(rows); });
    layer.MultiplyBackward(kRecurrentProduct);
    layer.MultiplyBackward(kCandidateProduct);
    layer.MultiplyBackward(kGatesProduct);
  }

 private:
  enum : size_t { kGatesProduct, kCandidateProduct, kRecurrentProduct };
  static constexpr size_t kGates = 2;

  // What a unit's lanes from k on have among the own rows.
  struct Unit {
    Unit(const CellRows& rows, size_t k)
        : r(rows.own + (kGates * (k / kBlock) * kBlock + k % kBlock)),
          z(r + kBlock),
          n(rows.own + kGates * rows.units * kBlock + k),
          q(n + rows.units * kBlock) {}

    float* r;
    float* z;
    float* n;
    float* q;
  };

  // n = tanh(a + r q) takes the division of r; h' = (1 - z) n + z h shares one:
  // with n = N/Qn, z = Z/(2 Qz),
  //   h' = (N (2 Qz - Z) + Z h Qn) / (2 Qn Qz).
  template <Keep kKeep>
  HWY_INLINE void Activate(const CellRows& rows) const {
    const BlockTag d;
    const BlockVec half = hn::Set(d, 0.5f);
    for (size_t k = 0; k < rows.units * kBlock; k += kLanes) {
      const Unit unit(rows, k);
      const auto r2 = TwiceSigmoidFraction(d, hn::Load(d, unit.r));
      const auto z2 = TwiceSigmoidFraction(d, hn::Load(d, unit.z));
      const BlockVec r = hn::Div(hn::Mul(half, r2.numerator), r2.denominator);
      const auto n = TanhFraction(
          d, hn::MulAdd(r, hn::Load(d, unit.q), hn::Load(d, unit.n)));
      const BlockVec inverse =
          hn::Div(half, hn::Mul(n.denominator, z2.denominator));
      const BlockVec rest =
          hn::Sub(hn::Add(z2.denominator, z2.denominator), z2.numerator);
      const BlockVec kept = hn::Mul(hn::Mul(z2.numerator, n.denominator),
                                    hn::LoadU(d, rows.before + k));
      const BlockVec h = hn::Mul(hn::MulAdd(n.numerator, rest, kept), inverse);
      hn::StoreU(h, d, rows.after + k);
      hn::Store(h, d, rows.above + k);
      if constexpr (kKeep == Keep::kTrace) {
        hn::Store(r, d, unit.r);
        hn::Store(hn::Mul(hn::Mul(z2.numerator, n.denominator), inverse), d,
                  unit.z);
        hn::Store(
            hn::Mul(n.numerator,
                    hn::Mul(hn::Add(z2.denominator, z2.denominator), inverse)),
            d, unit.n);
      }
    }
  }

  // From the adjoint of h after the step to those of the pre-activations and,
  // less what products add, of h before it.
  HWY_INLINE void ActivateBackward(const CellRows& rows) const {
    const BlockTag d;
    const BlockVec one = hn::Set(d, 1.0f);
    for (size_t k = 0; k < rows.units * kBlock; k += kLanes) {
      const Unit unit(rows, k);
      const BlockVec r = hn::Load(d, unit.r);
      const BlockVec z = hn::Load(d, unit.z);
      const BlockVec n = hn::Load(d, unit.n);
      const BlockVec dh = hn::Load(d, rows.state_adjoint + k);
      const BlockVec dz =
          hn::Mul(dh, hn::Sub(hn::LoadU(d, rows.before + k), n));
      const BlockVec dn =
          hn::Mul(hn::NegMulAdd(dh, z, dh), hn::NegMulAdd(n, n, one));
      const BlockVec dr = hn::Mul(dn, hn::Load(d, unit.q));
      // The derivative of a sigmoid s is s (1 - s) = s - s s.
      hn::Store(hn::Mul(dr, hn::NegMulAdd(r, r, r)), d, unit.r);
      hn::Store(hn::Mul(dz, hn::NegMulAdd(z, z, z)), d, unit.z);
      hn::Store(dn, d, unit.n);
      hn::Store(hn::Mul(dn, r), d, unit.q);
      hn::Store(hn::Mul(dh, z), d, rows.state_adjoint + k);
    }
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_GRU_CELL_INL_H_
