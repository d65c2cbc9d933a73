// Steps stacks of recurrent cells forward and back, a group of blocks of 16
// coordinates at a time: preprocessing, products, output, the window's loop and
// its sums. Included once for each instruction set, by Highway's
// foreach_target.h.
//
// A cell supplies its CellLayer (cell_stack.h) and a class with two methods,
//
//   template <Keep kKeep, class Layer> void Forward(const Layer&) const;
//   template <class Layer> void Backward(const Layer&) const;
//
// which say in which order the layer's products (Layer::Multiply,
// MultiplyBackward) and the cell's own arithmetic on rows of one block
// (Layer::ForEachBlock) follow one another.
// - Forward makes the state after the step of the state before and the inputs,
//   and writes the outputs to CellRows::above as well. With Keep::kTrace the
//   own rows hold what Backward needs.
// - Backward turns the state's adjoints after the step into those before it,
//   less what MultiplyBackward adds: this takes the adjoints of a product's
//   results out of the rows where the results were.
//
// So a GRU, n = tanh(W x + b + r (U h + c)), has three products into its own
// rows: from (x, h) to r and z, from x and from h to the two parts of n. An
// LMU, u = e (x, h, m), m' = A m + B u, h' = tanh(W (x, h, m') + b), multiplies
// to u and by the constant A, adds B u, and multiplies again: from (x, h), and
// on top of it from its own copy of m', which is state after the step.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
#undef METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
#else
#define METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "optimizer/block_kernel.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/cell_stack.h"
#include "optimizer/kernel_scratch.h"
#include "optimizer/preprocessing-inl.h"
#include "optimizer/update_rule.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// Whether a step leaves what its backward pass needs.
enum class Keep { kState, kTrace };

// Blocks that go side by side, a panel each.
constexpr size_t kGroupBlocks = kMaxPanels;

// In the window's backward pass no more than two, whose traces of 20 steps take
// 0.8 MB of the second-level cache.
constexpr size_t kWindowBlocks = HWY_MIN(kGroupBlocks, size_t{2});

// f(constant) for the constant that is `blocks`.
template <size_t kCount = kGroupBlocks, class F>
HWY_INLINE void WithConstant(size_t blocks, const F& f) {
  if constexpr (kCount > 1) {
    if (blocks < kCount) return WithConstant<kCount - 1>(blocks, f);
  }
  f(std::integral_constant<size_t, kCount>());
}

// Rows of 16 lanes for each block of a group.
struct GroupRows {
  float* data;
  size_t rows;

  float* row(size_t block, size_t i) const {
    return data + (block * rows + i) * kBlock;
  }
  Panels<float> panels(size_t i) const { return {row(0, i), rows * kBlock}; }
  Panels<const float> operands(size_t i) const {
    return {row(0, i), rows * kBlock};
  }
  void SetZero() const {
    std::fill_n(data, kGroupBlocks * rows * kBlock, 0.0f);
  }
};

// A row for each block of a group.
struct GroupRow {
  HWY_ALIGN float at[kGroupBlocks][kBlock] = {};
};

HWY_INLINE void Add(const GroupRow& row, GroupRow& to) {
  const BlockTag d;
  for (size_t k = 0; k < kGroupBlocks * kBlock; k += kLanes) {
    float* const at = &to.at[0][0] + k;
    hn::Store(hn::Add(hn::Load(d, &row.at[0][0] + k), hn::Load(d, at)), d, at);
  }
}

// The memory of a group's window.
struct GroupTrace {
  float* steps;      // [K + 1] x GroupRows of the layout's rows
  GroupRows state;   // adjoints, [variables]
  GroupRows inputs;  // adjoints of the preprocessed gradient
  GroupRows sums;    // of dL/dphi over the window, as the layout says
  size_t rows;       // of one step

  GroupRows step(size_t t) const {
    return {steps + t * kGroupBlocks * rows * kBlock, rows};
  }
};

// What a cell's arithmetic sees of a layer: one block at one step. `before` and
// `after` may be the same, and need not be aligned.
struct CellRows {
  size_t units;
  const float* before;  // state before the step, [variables]
  float* own;           // [own_rows]
  float* after;         // state after the step, [variables]
  const float* next;    // as `before`, of a later block: to be prefetched, less
                        // what products take
  float* above;         // a second place for the outputs, [units]
  float* state_adjoint;  // [variables]
};

// sums[panel][r] += sum over lanes of x[r] times the panel's 16 columns,
// transposed; a last row takes those of the columns alone.
template <size_t kCount>
HWY_INLINE void SumOuterProducts(const float* x, size_t x_rows,
                                 const float* columns, float* sums) {
  const BlockTag d;
  constexpr size_t kPanel = kBlock * kBlock;
  const size_t stride = (x_rows + 1) * kBlock;
  HWY_ALIGN float by_lane[kCount * kPanel];
  for (size_t panel = 0; panel < kCount; ++panel) {
    Transpose(columns + panel * kPanel, by_lane + panel * kPanel);
    float* const bias = sums + panel * stride + x_rows * kBlock;
    for (size_t k = 0; k < kBlock; k += kLanes) {
      const float* const at = by_lane + panel * kPanel + k;
      BlockVec even = hn::Load(d, bias + k);
      BlockVec odd = hn::Load(d, at);
      for (size_t lane = 1; lane + 1 < kBlock; lane += 2) {
        even = hn::Add(even, hn::Load(d, at + lane * kBlock));
        odd = hn::Add(odd, hn::Load(d, at + (lane + 1) * kBlock));
      }
      even = hn::Add(even, hn::Load(d, at + (kBlock - 1) * kBlock));
      hn::Store(hn::Add(even, odd), d, bias + k);
    }
  }
  Product</*kRowStride=*/kBlock, Onto::kSum, kCount>(
      x, /*stride=*/1, {by_lane, kPanel}, kBlock, /*bias=*/nullptr,
      {sums, stride}, x_rows);
}

// A group's state of one layer before and after a step, and before a step of
// the group to come.
struct LayerState {
  Panels<const float> before;
  Panels<float> after;
  Panels<const float> next;
};

// One layer of a group at one step, for its cell. Not thread-safe.
class LayerStep {
 public:
  LayerStep(const StackWeights& weights, const GroupTrace& trace, size_t blocks,
            size_t layer, size_t t, const LayerState& state)
      : weights_(weights),
        layer_(weights.stack.layers[layer]),
        trace_(trace),
        rows_(trace.step(t)),
        state_(state),
        blocks_(blocks),
        index_(layer),
        first_row_(weights.layout.layers[layer]) {}

  // f(CellRows) for each block.
  template <class F>
  HWY_INLINE void ForEachBlock(const F& f) const {
    const size_t own = first_row_ + layer_.inputs + layer_.variables;
    const size_t above = Above();
    for (size_t block = 0; block < blocks_; ++block) {
      f(CellRows{.units = layer_.units,
                 .before = state_.before.panel(block),
                 .own = rows_.row(block, own),
                 .after = state_.after.panel(block),
                 .next = state_.next.panel(block),
                 .above = rows_.row(block, above),
                 .state_adjoint = trace_.state.row(block, layer_.state)});
    }
  }

  HWY_INLINE void Multiply(size_t i) const {
    const CellProduct& product = layer_.products[i];
    const size_t columns = product.columns();
    const float* const weight = &weights_.by_row[product.phi];
    const float* const bias = weight + product.depth * columns;
    const size_t fetched = i == 0 ? layer_.multiplied_variables() : 0;
    if (product.base == CellProduct::Base::kZero) SetZero(product);
    WithConstant(blocks_, [&](auto blocks) HWY_ATTR {
      constexpr size_t kRows = TileRows(blocks);
      for (size_t row = 0; row < columns; row += kRows) {
        FetchNext(row * fetched / columns, (row + kRows) * fetched / columns);
        const Panels<const float> in = rows_.operands(first_row_ + product.in);
        const Panels<float> out = rows_.panels(first_row_ + product.out + row);
        const size_t count = std::min(kRows, columns - row);
        if (product.base == CellProduct::Base::kBias) {
          Product</*kRowStride=*/1, Onto::kBias, blocks>(
              weight + row, columns, in, product.depth, bias + row, out, count);
        } else {
          Product</*kRowStride=*/1, Onto::kSum, blocks>(
              weight + row, columns, in, product.depth, /*bias=*/nullptr, out,
              count);
        }
      }
    });
  }

  // Adds to the sums of dL/dphi and to the adjoints of the operands.
  HWY_INLINE void MultiplyBackward(size_t i) const {
    const CellProduct& product = layer_.products[i];
    for (size_t block = 0; block < blocks_ && product.learned; ++block) {
      SumPhi(product, weights_.layout.sums[index_][i], block);
    }
    if (product.in >= layer_.own()) {
      AddAdjoints(product, /*first=*/0, product.depth,
                  trace_.state.panels(layer_.state + product.after));
      return;
    }
    const size_t end = product.in + product.depth;
    if (product.in < layer_.inputs) {
      const size_t rows = std::min(end, layer_.inputs) - product.in;
      AddAdjoints(product, /*first=*/0, rows, InputAdjoints(product.in));
    }
    if (end > layer_.inputs) {
      const size_t first = std::max(layer_.inputs, product.in) - product.in;
      AddAdjoints(product, first, product.depth - first,
                  trace_.state.panels(layer_.state + product.in + first -
                                      layer_.inputs));
    }
  }

 private:
  void SetZero(const CellProduct& product) const {
    for (size_t block = 0; block < blocks_; ++block) {
      std::fill_n(rows_.row(block, first_row_ + product.out),
                  product.columns() * kBlock, 0.0f);
    }
  }

  // Has the CPU fetch variables first, ..., last - 1 of the state to come, a
  // few at a time: the misses of a hundred at once are more than a core holds,
  // and the products would wait for them.
  HWY_INLINE void FetchNext(size_t first, size_t last) const {
    for (size_t block = 0; block < blocks_; ++block) {
      const float* const next = state_.next.panel(block);
      for (size_t i = first; i < last; ++i) hwy::Prefetch(next + i * kBlock);
    }
  }

  size_t Above() const {
    return index_ + 1 < weights_.layout.layers.size()
               ? weights_.layout.layers[index_ + 1]
               : weights_.layout.top;
  }

  // A layer's inputs are the outputs of the one below.
  Panels<float> InputAdjoints(size_t i) const {
    if (index_ == 0) return trace_.inputs.panels(i);
    return trace_.state.panels(weights_.stack.layers[index_ - 1].state + i);
  }

  void AddAdjoints(const CellProduct& product, size_t first, size_t rows,
                   Panels<float> adjoints) const {
    WithConstant(blocks_, [&](auto blocks) HWY_ATTR {
      Product</*kRowStride=*/1, Onto::kSum, blocks>(
          &weights_.transposed[product.phi] + first, product.depth,
          rows_.operands(first_row_ + product.out), product.columns(),
          /*bias=*/nullptr, adjoints, rows);
    });
  }

  // The rows beyond the last columns are summed too, and then not taken.
  void SumPhi(const CellProduct& product, size_t sums, size_t block) const {
    constexpr size_t kCount = HWY_MIN(kMaxPanels, size_t{2});
    constexpr size_t kWidth = kCount * kBlock;
    const float* const x = rows_.row(block, first_row_ + product.in);
    const float* columns = rows_.row(block, first_row_ + product.out);
    float* to = trace_.sums.row(block, sums);
    size_t column = 0;
    for (; column + kWidth <= product.columns(); column += kWidth) {
      SumOuterProducts<kCount>(x, product.depth, columns, to);
      columns += kWidth * kBlock;
      to += kCount * (product.depth + 1) * kBlock;
    }
    for (; column < product.columns(); column += kBlock) {
      SumOuterProducts<1>(x, product.depth, columns, to);
      columns += kBlock * kBlock;
      to += (product.depth + 1) * kBlock;
    }
  }

  const StackWeights& weights_;
  const CellLayer& layer_;
  const GroupTrace& trace_;
  const GroupRows rows_;
  const LayerState state_;
  const size_t blocks_;
  const size_t index_;
  const size_t first_row_;
};

// Adds the sums of one product to its [phi_rows, columns] of phi.
HWY_INLINE void AddSums(const float* sums, const CellProduct& product,
                        double* phi) {
  const size_t columns = product.columns();
  for (size_t chunk = 0; chunk < columns; chunk += kBlock) {
    const size_t width = std::min(kBlock, columns - chunk);
    size_t at[kBlock] = {};
    for (size_t i = 0; i < width; ++i) at[i] = product.phi_column(chunk + i);
    for (size_t r = 0; r < product.phi_rows(); ++r) {
      double* const row = phi + r * columns;
      for (size_t i = 0; i < width; ++i) row[at[i]] += sums[r * kBlock + i];
    }
    sums += (product.depth + 1) * kBlock;
  }
}

// Copies rows of 16, with zeros for the lanes from `lanes` on.
HWY_INLINE void CopyRows(const float* from, size_t rows, size_t lanes,
                         float* to) {
  const BlockTag d;
  for (size_t k = 0; k < rows * kBlock; k += kLanes) {
    hn::Store(hn::LoadU(d, from + k), d, to + k);
  }
  if (lanes == kBlock) return;
  for (size_t i = 0; i < rows; ++i, to += kBlock) {
    std::fill(to + lanes, to + kBlock, 0.0f);
  }
}

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

  void AddSumsToPhi(absl::Span<double> phi) const;

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

template <class Cell>
void GroupKernel<Cell>::AddSumsToPhi(absl::Span<double> phi) const {
  const CellStack& stack = weights_.stack;
  for (size_t block = 0; block < blocks_; ++block) {
    for (size_t i = 0; i < stack.layers.size(); ++i) {
      for (size_t p = 0; p < stack.layers[i].products.size(); ++p) {
        const CellProduct& product = stack.layers[i].products[p];
        if (!product.learned) continue;
        AddSums(trace_.sums.row(block, weights_.layout.sums[i][p]), product,
                &phi[product.phi]);
      }
    }
    const float* sums = trace_.sums.row(block, weights_.layout.output_sums);
    for (size_t r = 0; r <= stack.output_inputs; ++r) {
      for (size_t lane = 0; lane < kBlock; ++lane) {
        phi[stack.output_phi + r] += *sums++;
      }
    }
  }
}

// Lays a trace of K steps out in the thread's scratch.
inline GroupTrace MakeGroupTrace(const StackWeights& weights, size_t steps) {
  const size_t parts[] = {(steps + 1) * weights.layout.rows + kBlock,
                          weights.stack.state_variables, weights.stack.inputs(),
                          weights.layout.sum_rows};
  size_t rows = 0;
  for (size_t part : parts) rows += kGroupBlocks * part;
  float* at = ThreadScratch(rows * kBlock);
  GroupTrace trace;
  const auto take = [&at](size_t part) {
    const GroupRows taken = {at, part};
    at += kGroupBlocks * part * kBlock;
    return taken;
  };
  trace.rows = weights.layout.rows;
  trace.steps = take(parts[0]).data;
  trace.state = take(parts[1]);
  trace.inputs = take(parts[2]);
  trace.sums = take(parts[3]);
  return trace;
}

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
  const size_t n = window.gradients[0].size();
  for (size_t begin = 0; begin < n; begin += kWindowBlocks * kBlock) {
    kernel.Enter(begin, n, kWindowBlocks);
    kernel.LoadState(window.state.data());
    trace.sums.SetZero();
    trace.state.SetZero();
    if (!adjoint.state.empty()) kernel.LoadStateAdjoint(adjoint.state.data());
    GroupWindowBackward(window, adjoint, kernel);
    if (!adjoint.state.empty()) kernel.StoreStateAdjoint(adjoint.state.data());
    kernel.AddSumsToPhi(adjoint.phi);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_BLOCK_KERNEL_INL_H_
