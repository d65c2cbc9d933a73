#include "optimizer/recurrent_kernel.h"

#include <cstddef>
#include <cstdint>
#include <variant>

#include "optimizer/vector_targets.h"  // before Highway

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/recurrent_kernel.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "optimizer/block_kernel-inl.h"
#include "optimizer/gru_cell-inl.h"
#include "optimizer/lstm_cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

LstmCell CellOf(const LstmConstants& constants) {
  return LstmCell(constants.forget_bias);
}
GruCell CellOf(const GruConstants& /*constants*/) { return GruCell(); }

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

CellConstants ConstantsOf(const v1::LearnedRuleSpec& spec) {
  if (spec.has_gru()) return GruConstants();
  return LstmConstants{static_cast<float>(spec.lstm().forget_bias())};
}

}  // namespace

RecurrentWeights::RecurrentWeights(const RecurrentArchitecture& architecture,
                                   absl::Span<const float> phi)
    : stack(architecture.stack, phi), cell(ConstantsOf(architecture.spec)) {}

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
