// One layer of a group of blocks at one step, as a cell sees it. Included once
// for each instruction set, by Highway's foreach_target.h.
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
#if defined(METASTEP_OPTIMIZER_LAYER_STEP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_LAYER_STEP_INL_H_
#undef METASTEP_OPTIMIZER_LAYER_STEP_INL_H_
#else
#define METASTEP_OPTIMIZER_LAYER_STEP_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/cell_stack.h"
#include "optimizer/group_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// Whether a step leaves what its backward pass needs.
enum class Keep { kState, kTrace };

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

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_LAYER_STEP_INL_H_
