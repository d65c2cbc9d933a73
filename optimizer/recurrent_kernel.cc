#include "optimizer/recurrent_kernel.h"

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "optimizer/legendre_memory.h"
#include "optimizer/vector_targets.h"  // before Highway

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/recurrent_kernel.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "optimizer/block_kernel-inl.h"
#include "optimizer/gru_cell-inl.h"
#include "optimizer/lmu_cell-inl.h"
#include "optimizer/lstm_cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

LstmCell CellOf(const LstmConstants& constants) {
  return LstmCell(constants.forget_bias);
}
GruCell CellOf(const GruConstants& /*constants*/) { return GruCell(); }
LmuCell CellOf(const LmuConstants& constants) { return LmuCell(constants.b); }

void Step(const RecurrentWeights& weights, int64_t step,
          absl::Span<const float> gradient, absl::Span<float> state,
          absl::Span<float> update) {
  std::visit(
      [&](const auto& constants) HWY_ATTR {
        StackStep(weights.stack, CellOf(constants), step, gradient, state,
                  update);
      },
      weights.cell);
}

void WindowBackward(const RecurrentWeights& weights,
                    const LearnedRule::Window& window,
                    const WindowAdjoint& adjoint) {
  std::visit(
      [&](const auto& constants) HWY_ATTR {
        StackWindowBackward(weights.stack, CellOf(constants), window, adjoint);
      },
      weights.cell);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace metastep {
namespace {

HWY_EXPORT(Step);
HWY_EXPORT(WindowBackward);

LegendreMemory MemoryOf(const v1::LmuSpec& spec) {
  return MakeLegendreMemory(spec.memory_order(), spec.memory_length());
}

CellConstants ConstantsOf(const v1::LearnedRuleSpec& spec) {
  if (spec.has_gru()) return GruConstants();
  if (spec.has_lmu()) {
    const LegendreMemory memory = MemoryOf(spec.lmu());
    return LmuConstants{{memory.b.begin(), memory.b.end()}};
  }
  return LstmConstants{static_cast<float>(spec.lstm().forget_bias())};
}

// The weights of products that are not learned: of an LMU A, whose columns are
// a product's rows.
std::vector<float> ConstantWeights(const v1::LearnedRuleSpec& spec) {
  std::vector<float> weights;
  if (!spec.has_lmu()) return weights;
  const LegendreMemory memory = MemoryOf(spec.lmu());
  const size_t order = memory.b.size();
  for (size_t j = 0; j < order; ++j) {
    for (size_t i = 0; i < order; ++i) {
      weights.push_back(static_cast<float>(memory.a[i * order + j]));
    }
  }
  return weights;
}

}  // namespace

RecurrentWeights::RecurrentWeights(const RecurrentArchitecture& architecture,
                                   absl::Span<const float> phi)
    : stack(architecture.stack, phi, ConstantWeights(architecture.spec)),
      cell(ConstantsOf(architecture.spec)) {}

void RecurrentStep(const RecurrentWeights& weights, int64_t step,
                   absl::Span<const float> gradient, absl::Span<float> state,
                   absl::Span<float> update) {
  HWY_DYNAMIC_DISPATCH(Step)(weights, step, gradient, state, update);
}

void RecurrentWindowBackward(const RecurrentWeights& weights,
                             const LearnedRule::Window& window,
                             const WindowAdjoint& adjoint) {
  HWY_DYNAMIC_DISPATCH(WindowBackward)(weights, window, adjoint);
}

}  // namespace metastep

#endif  // HWY_ONCE
