#include "optimizer/lstm_kernel.h"

#include <cstddef>
#include <cstdint>

#include "optimizer/vector_targets.h"  // before Highway

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optimizer/lstm_kernel.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "optimizer/block_kernel-inl.h"
#include "optimizer/lstm_cell-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

void Step(const LstmWeights& weights, int64_t step,
          absl::Span<const float> gradient, absl::Span<float> state,
          absl::Span<float> update) {
  StackStep(weights.stack, LstmCell(weights.forget_bias), step, gradient, state,
            update);
}

void WindowBackward(const LstmWeights& weights,
                    const LearnedRule::Window& window,
                    const WindowAdjoint& adjoint) {
  StackWindowBackward(weights.stack, LstmCell(weights.forget_bias), window,
                      adjoint);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace metastep {
namespace {

constexpr size_t kLstmGates = 4;

HWY_EXPORT(Step);
HWY_EXPORT(WindowBackward);

CellLayer LstmCellLayer(const LstmLayer& of) {
  CellLayer layer;
  layer.inputs = of.inputs;
  layer.units = of.units;
  layer.variables = 2 * of.units;
  layer.own_rows = of.gates() + of.units;
  layer.state = of.state;
  layer.products = {{.in = 0,
                     .depth = layer.inputs + layer.units,
                     .out = layer.inputs + layer.variables,
                     .units = layer.units,
                     .gates = kLstmGates,
                     .phi = static_cast<size_t>(of.phi)}};
  return layer;
}

CellStack LstmCellStack(const LstmArchitecture& architecture) {
  CellStack stack;
  stack.preprocessing = architecture.preprocessing;
  stack.output_scale = architecture.output_scale;
  for (const LstmLayer& layer : architecture.layers) {
    stack.layers.push_back(LstmCellLayer(layer));
  }
  stack.output_inputs = architecture.output_inputs;
  stack.output_phi = architecture.output_phi;
  stack.phi_size = architecture.phi_size;
  stack.state_variables = architecture.state_variables;
  return stack;
}

}  // namespace

LstmWeights::LstmWeights(const LstmArchitecture& architecture,
                         absl::Span<const float> phi)
    : forget_bias(static_cast<float>(architecture.forget_bias)),
      stack(LstmCellStack(architecture), phi) {}

void LstmStep(const LstmWeights& weights, int64_t step,
              absl::Span<const float> gradient, absl::Span<float> state,
              absl::Span<float> update) {
  HWY_DYNAMIC_DISPATCH(Step)(weights, step, gradient, state, update);
}

void LstmWindowBackward(const LstmWeights& weights,
                        const LearnedRule::Window& window,
                        const WindowAdjoint& adjoint) {
  HWY_DYNAMIC_DISPATCH(WindowBackward)(weights, window, adjoint);
}

}  // namespace metastep

#endif  // HWY_ONCE
