// Steps stacks of recurrent cells forward and back, a group of blocks of 16
// coordinates at a time: a step, and a window with its sums. Included once for
// each instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
#undef METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
#else
#define METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "hwy/highway.h"
#include "optimizer/block_kernel.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/cell_stack.h"
#include "optimizer/group_kernel-inl.h"
#include "optimizer/group_rows-inl.h"
#include "optimizer/phi_sums-inl.h"
#include "optimizer/update_rule.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

template <class Cell>
void StackStep(const StackWeights& weights, const Cell& cell, int64_t step,
               absl::Span<const float> gradient, absl::Span<float> state,
               absl::Span<float> update) {
  const GroupTrace trace = MakeGroupTrace(weights, /*steps=*/0);
  GroupKernel<Cell> kernel(weights, cell, trace);
  kernel.At(step);
  const size_t n = gradient.size();
  for (size_t begin = 0; begin < n; begin += kGroupBlocks * kBlock) {
    kernel.Enter(begin, n, kGroupBlocks);
    GroupRow group_update;
    kernel.Step(kernel.Gather(gradient.data()), state.data(), group_update);
    kernel.Scatter(group_update, update.data());
  }
}

// One group's window.
template <class Cell>
void GroupWindowBackward(const LearnedRule::Window& window,
                         const WindowAdjoint& adjoint,
                         GroupKernel<Cell>& kernel) {
  const size_t steps = window.weights.size();
  const bool inputs_count =
      !adjoint.gradients.empty() || !adjoint.state.empty();
  for (size_t t = 0; t < steps; ++t) {
    kernel.At(window.first_step + static_cast<int64_t>(t));
    kernel.TraceStep(t, kernel.Gather(window.gradients[t].data()));
  }
  const BlockTag d;
  GroupRow lambda;
  for (size_t t = steps; t-- > 0;) {
    const GroupRow loss = kernel.Gather(window.gradients[t + 1].data());
    for (size_t k = 0; k < kGroupBlocks * kBlock; k += kLanes) {
      float* const at = &lambda.at[0][0] + k;
      hn::Store(hn::MulAdd(hn::Set(d, window.weights[t]),
                           hn::Load(d, &loss.at[0][0] + k), hn::Load(d, at)),
                d, at);
    }
    if (window.update_adjoints.empty()) {
      kernel.Backward(t, lambda);
    } else {
      GroupRow sum = kernel.Gather(window.update_adjoints[t].data());
      Add(lambda, sum);
      kernel.Backward(t, sum);
    }
    if (!inputs_count) continue;
    kernel.At(window.first_step + static_cast<int64_t>(t));
    const GroupRow gradient_adjoint =
        kernel.PreprocessBackward(t, kernel.Gather(window.gradients[t].data()));
    if (!adjoint.gradients.empty()) {
      kernel.Scatter(gradient_adjoint, adjoint.gradients[t].data());
    }
  }
}

template <class Cell>
void StackWindowBackward(const StackWeights& weights, const Cell& cell,
                         const LearnedRule::Window& window,
                         const WindowAdjoint& adjoint) {
  if (window.weights.empty()) return;
  const GroupTrace trace = MakeGroupTrace(weights, window.weights.size());
  GroupKernel<Cell> kernel(weights, cell, trace);
  PhiSums phi(weights, adjoint.phi);
  const size_t n = window.gradients[0].size();
  for (size_t begin = 0; begin < n; begin += kWindowBlocks * kBlock) {
    kernel.Enter(begin, n, kWindowBlocks);
    kernel.LoadState(window.state.data());
    trace.sums.SetZero();
    trace.state.SetZero();
    if (!adjoint.state.empty()) kernel.LoadStateAdjoint(adjoint.state.data());
    GroupWindowBackward(window, adjoint, kernel);
    if (!adjoint.state.empty()) kernel.StoreStateAdjoint(adjoint.state.data());
    kernel.AddSumsTo(phi);
  }
  phi.Store();
}

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
