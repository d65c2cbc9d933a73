// Steps a group of blocks forward and back along a trace: preprocessing, the
// cells' layers, output. Included once for each instruction set, by Highway's
// foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_GROUP_KERNEL_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_GROUP_KERNEL_INL_H_
#undef METASTEP_OPTIMIZER_GROUP_KERNEL_INL_H_
#else
#define METASTEP_OPTIMIZER_GROUP_KERNEL_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/cell_stack.h"
#include "optimizer/group_rows-inl.h"
#include "optimizer/layer_step-inl.h"
#include "optimizer/phi_sums-inl.h"
#include "optimizer/preprocessing-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// Steps a group of blocks along a trace. Not thread-safe.
template <class Cell>
class GroupKernel {
 public:
  GroupKernel(const StackWeights& weights, const Cell& cell,
              const GroupTrace& trace)
      : weights_(weights),
        cell_(cell),
        trace_(trace),
        preprocessor_(weights.stack.preprocessing) {}

  // Turns to a step of the rule, which counts from 1.
  void At(int64_t step) { preprocessor_.At(step); }

  // Turns to the blocks that begin with coordinate `begin` of n, `most` at
  // most.
  void Enter(size_t begin, size_t n, size_t most) {
    begin_ = begin;
    n_ = n;
    blocks_ = std::min(most, (n - begin + kBlock - 1) / kBlock);
  }

  // Copies the group's part of a state to before step 0, with zeros in the
  // lanes beyond n.
  void LoadState(const float* state) const;
  void LoadStateAdjoint(const float* adjoint) const;
  void StoreStateAdjoint(float* adjoint) const;

  // The group's part of [n] numbers, with zeros beyond, and back.
  GroupRow Gather(const float* coordinates) const {
    GroupRow row;
    for (size_t block = 0; block < blocks_; ++block) {
      std::copy_n(coordinates + First(block), Lanes(block), row.at[block]);
    }
    return row;
  }
  void Scatter(const GroupRow& row, float* coordinates) const {
    for (size_t block = 0; block < blocks_; ++block) {
      std::copy_n(row.at[block], Lanes(block), coordinates + First(block));
    }
  }

  // Takes a step in the caller's state, in place.
  void Step(const GroupRow& gradient, float* state, GroupRow& update) const {
    const size_t stride = weights_.stack.state_variables * kBlock;
    for (size_t i = 0; i < weights_.stack.layers.size(); ++i) {
      CopyOperands(i, state);
    }
    const size_t group = kGroupBlocks * stride;
    const bool is_last = begin_ + 2 * kGroupBlocks * kBlock > n_;
    const auto state_of = [&](size_t variable, size_t /*row*/) {
      float* const at = state + StateBegin(0) + variable * kBlock;
      return LayerState{.before = {at, stride},
                        .after = {at, stride},
                        .next = {is_last ? at : at + group, stride}};
    };
    Forward<Keep::kState>(0, gradient, state_of, update);
  }

  // Takes step t of a window, from trace to trace.
  void TraceStep(size_t t, const GroupRow& gradient) const {
    const auto state_of = [&](size_t /*variable*/, size_t row) {
      const Panels<const float> before = trace_.step(t).operands(row);
      return LayerState{.before = before,
                        .after = trace_.step(t + 1).panels(row),
                        .next = before};
    };
    GroupRow update;
    Forward<Keep::kTrace>(t, gradient, state_of, update);
  }

  // Backpropagates step t, which overwrites what Forward kept of it.
  void Backward(size_t t, const GroupRow& update_adjoint) const {
    trace_.inputs.SetZero();
    OutputBackward(trace_.step(t), update_adjoint);
    for (size_t i = weights_.stack.layers.size(); i-- > 0;) {
      const size_t row =
          weights_.layout.layers[i] + weights_.stack.layers[i].inputs;
      const LayerState state = {
          .before = trace_.step(t).operands(row), .after = {}, .next = {}};
      cell_.Backward(LayerStep(weights_, trace_, blocks_, i, t, state));
    }
  }

  // Then its preprocessing: returns the adjoint of the gradient.
  GroupRow PreprocessBackward(size_t t, const GroupRow& gradient) const {
    GroupRow adjoint;
    for (size_t block = 0; block < blocks_; ++block) {
      preprocessor_.Backward(
          gradient.at[block],
          trace_.step(t).row(block, weights_.layout.preprocessing),
          trace_.inputs.row(block, 0), trace_.state.row(block, 0),
          adjoint.at[block]);
    }
    return adjoint;
  }

  void AddSumsTo(PhiSums& phi) const { phi.Add(trace_.sums, blocks_); }

 private:
  template <Keep kKeep, class StateOf>
  void Forward(size_t t, const GroupRow& gradient, const StateOf& state_of,
               GroupRow& update) const {
    const GroupRows rows = trace_.step(t);
    Preprocess(rows, gradient, state_of(0, weights_.layout.preprocessing));
    for (size_t i = 0; i < weights_.stack.layers.size(); ++i) {
      const CellLayer& layer = weights_.stack.layers[i];
      const LayerState state =
          state_of(layer.state, weights_.layout.layers[i] + layer.inputs);
      cell_.template Forward<kKeep>(
          LayerStep(weights_, trace_, blocks_, i, t, state));
    }
    Output(rows, gradient, update);
  }

  // Copies what products take of the caller's state to where they take it, and
  // has the CPU fetch the next group's.
  void CopyOperands(size_t i, const float* state) const;

  size_t First(size_t block) const { return begin_ + block * kBlock; }
  size_t Lanes(size_t block) const {
    return std::min(kBlock, n_ - First(block));
  }
  size_t StateBegin(size_t block) const {
    return First(block) * weights_.stack.state_variables;
  }
  float Scale() const {
    return static_cast<float>(weights_.stack.output_scale);
  }

  void Preprocess(const GroupRows& rows, const GroupRow& gradient,
                  const LayerState& state) const {
    const size_t inputs =
        weights_.layout.layers.empty() ? weights_.layout.top : 0;
    for (size_t block = 0; block < blocks_; ++block) {
      preprocessor_.Forward(gradient.at[block], state.before.panel(block),
                            state.after.panel(block), state.next.panel(block),
                            rows.row(block, inputs));
    }
  }

  void Output(const GroupRows& rows, const GroupRow& gradient,
              GroupRow& update) const {
    const CellStack& stack = weights_.stack;
    const float* const weight = &weights_.phi[stack.output_phi];
    WithConstant(blocks_, [&](auto blocks) HWY_ATTR {
      Product</*kRowStride=*/1, Onto::kBias, blocks>(
          weight, /*stride=*/1, rows.operands(weights_.layout.top),
          stack.output_inputs, weight + stack.output_inputs,
          {update.at[0], kBlock}, 1);
    });
    const BlockTag d;
    const BlockVec scale = hn::Set(d, Scale());
    for (size_t k = 0; k < kGroupBlocks * kBlock; k += kLanes) {
      float* const at = &update.at[0][0] + k;
      // The last term makes a gradient that is not finite show in the update,
      // which saturated gates would hide.
      const BlockVec shown =
          hn::Mul(hn::Load(d, &gradient.at[0][0] + k), hn::Zero(d));
      hn::Store(hn::MulAdd(scale, hn::Load(d, at), shown), d, at);
    }
  }

  void OutputBackward(const GroupRows& rows,
                      const GroupRow& update_adjoint) const {
    const CellStack& stack = weights_.stack;
    const float* const weight = &weights_.phi[stack.output_phi];
    const BlockTag d;
    for (size_t block = 0; block < blocks_; ++block) {
      const float* const x = rows.row(block, weights_.layout.top);
      float* const sums = trace_.sums.row(block, weights_.layout.output_sums);
      float* const x_adjoint =
          stack.layers.empty()
              ? trace_.inputs.row(block, 0)
              : trace_.state.row(block, stack.layers.back().state);
      for (size_t k = 0; k < kBlock; k += kLanes) {
        const BlockVec output = hn::Mul(
            hn::Set(d, Scale()), hn::Load(d, update_adjoint.at[block] + k));
        const auto add = [&](float* to, BlockVec product) HWY_ATTR {
          hn::Store(hn::MulAdd(output, product, hn::Load(d, to)), d, to);
        };
        for (size_t i = 0; i < stack.output_inputs; ++i) {
          const size_t at = i * kBlock + k;
          add(sums + at, hn::Load(d, x + at));
          add(x_adjoint + at, hn::Set(d, weight[i]));
        }
        add(sums + stack.output_inputs * kBlock + k, hn::Set(d, 1.0f));
      }
    }
  }

  const StackWeights& weights_;
  const Cell& cell_;
  const GroupTrace& trace_;
  Preprocessor preprocessor_;
  size_t begin_ = 0;
  size_t n_ = 0;
  size_t blocks_ = 0;
};

template <class Cell>
void GroupKernel<Cell>::LoadState(const float* state) const {
  const GroupRows rows = trace_.step(0);
  for (size_t block = 0; block < blocks_; ++block) {
    const float* const from = state + StateBegin(block);
    CopyRows(from, weights_.stack.preprocessing_variables(), Lanes(block),
             rows.row(block, weights_.layout.preprocessing));
    for (size_t i = 0; i < weights_.stack.layers.size(); ++i) {
      const CellLayer& layer = weights_.stack.layers[i];
      CopyRows(from + layer.state * kBlock, layer.variables, Lanes(block),
               rows.row(block, weights_.layout.layers[i] + layer.inputs));
    }
  }
}

template <class Cell>
void GroupKernel<Cell>::CopyOperands(size_t i, const float* state) const {
  const CellLayer& layer = weights_.stack.layers[i];
  const GroupRows rows = trace_.step(0);
  for (size_t block = 0; block < blocks_; ++block) {
    const float* const from = state + StateBegin(block) + layer.state * kBlock;
    CopyRows(from, layer.multiplied_variables(), kBlock,
             rows.row(block, weights_.layout.layers[i] + layer.inputs));
  }
}

template <class Cell>
void GroupKernel<Cell>::LoadStateAdjoint(const float* adjoint) const {
  for (size_t block = 0; block < blocks_; ++block) {
    CopyRows(adjoint + StateBegin(block), weights_.stack.state_variables,
             Lanes(block), trace_.state.row(block, 0));
  }
}

template <class Cell>
void GroupKernel<Cell>::StoreStateAdjoint(float* adjoint) const {
  for (size_t block = 0; block < blocks_; ++block) {
    std::copy_n(trace_.state.row(block, 0),
                weights_.stack.state_variables * kBlock,
                adjoint + StateBegin(block));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_GROUP_KERNEL_INL_H_
