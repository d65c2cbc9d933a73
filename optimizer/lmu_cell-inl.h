// The Legendre memory unit, for the block kernel. Included once for each
// instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_LMU_CELL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_LMU_CELL_INL_H_
#undef METASTEP_OPTIMIZER_LMU_CELL_INL_H_
#else
#define METASTEP_OPTIMIZER_LMU_CELL_INL_H_
#endif

#include <cstddef>

#include "absl/types/span.h"
#include "hwy/highway.h"
#include "optimizer/activation-inl.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/layer_step-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// State: h, m. Own rows: u, in the end its adjoint; m after the step, first
// A m, in the end its adjoint; h after the step, first its pre-activations, in
// the end their adjoints.
class LmuCell {
 public:
  // `b` of the memory, [order], must outlive it.
  explicit LmuCell(absl::Span<const float> b) : b_(b) {}

  template <Keep kKeep, class Layer>
  void Forward(const Layer& layer) const {
    layer.Multiply(kEncoder);
    layer.Multiply(kAdvance);
    layer.ForEachBlock([&](const CellRows& rows) HWY_ATTR { TakeIn(rows); });
    layer.Multiply(kHidden);
    layer.Multiply(kMemory);
    layer.ForEachBlock([&](const CellRows& rows) HWY_ATTR { Activate(rows); });
  }

  template <class Layer>
  void Backward(const Layer& layer) const {
    layer.ForEachBlock([&](const CellRows& rows)
                           HWY_ATTR { ActivateBackward(rows); });
    layer.MultiplyBackward(kMemory);
    layer.MultiplyBackward(kHidden);
    layer.ForEachBlock([&](const CellRows& rows)
                           HWY_ATTR { TakeInBackward(rows); });
    layer.MultiplyBackward(kAdvance);
    layer.MultiplyBackward(kEncoder);
  }

 private:
  enum : size_t { kEncoder, kHidden, kMemory, kAdvance };

  static float* MemoryOf(const CellRows& rows) { return rows.own + kBlock; }
  float* HiddenOf(const CellRows& rows) const {
    return rows.own + (1 + b_.size()) * kBlock;
  }

  // Adds B u to A m.
  HWY_INLINE void TakeIn(const CellRows& rows) const {
    const BlockTag d;
    float* const m = MemoryOf(rows);
    float* const after = rows.after + rows.units * kBlock;
    for (size_t lane = 0; lane < kBlock; lane += kLanes) {
      const BlockVec u = hn::Load(d, rows.own + lane);
      for (size_t i = 0; i < b_.size(); ++i) {
        const size_t at = i * kBlock + lane;
        const BlockVec made =
            hn::MulAdd(hn::Set(d, b_[i]), u, hn::Load(d, m + at));
        hn::Store(made, d, m + at);
        hn::StoreU(made, d, after + at);
      }
    }
  }

  HWY_INLINE void Activate(const CellRows& rows) const {
    const BlockTag d;
    float* const hidden = HiddenOf(rows);
    for (size_t k = 0; k < rows.units * kBlock; k += kLanes) {
      const auto squashed = TanhFraction(d, hn::Load(d, hidden + k));
      const BlockVec h = hn::Div(squashed.numerator, squashed.denominator);
      hn::Store(h, d, hidden + k);
      hn::StoreU(h, d, rows.after + k);
      hn::Store(h, d, rows.above + k);
    }
  }

  // From the adjoints of h after the step to those of its pre-activations.
  HWY_INLINE void ActivateBackward(const CellRows& rows) const {
    const BlockTag d;
    const BlockVec one = hn::Set(d, 1.0f);
    float* const hidden = HiddenOf(rows);
    for (size_t k = 0; k < rows.units * kBlock; k += kLanes) {
      const BlockVec h = hn::Load(d, hidden + k);
      const BlockVec dh = hn::Load(d, rows.state_adjoint + k);
      hn::Store(hn::Mul(dh, hn::NegMulAdd(h, h, one)), d, hidden + k);
      hn::Store(hn::Zero(d), d, rows.state_adjoint + k);
    }
  }

  // From the adjoints of m after the step to that of u, and to where A's
  // product takes them.
  HWY_INLINE void TakeInBackward(const CellRows& rows) const {
    const BlockTag d;
    float* const m = MemoryOf(rows);
    float* const m_adjoint = rows.state_adjoint + rows.units * kBlock;
    for (size_t lane = 0; lane < kBlock; lane += kLanes) {
      BlockVec of_u = hn::Zero(d);
      for (size_t i = 0; i < b_.size(); ++i) {
        const size_t at = i * kBlock + lane;
        const BlockVec dm = hn::Load(d, m_adjoint + at);
        of_u = hn::MulAdd(hn::Set(d, b_[i]), dm, of_u);
        hn::Store(dm, d, m + at);
        hn::Store(hn::Zero(d), d, m_adjoint + at);
      }
      hn::Store(of_u, d, rows.own + lane);
    }
  }

  const absl::Span<const float> b_;
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_LMU_CELL_INL_H_
