// The rows in which a group of blocks, 16 coordinates each, is stepped.
// Included once for each instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_GROUP_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_GROUP_ROWS_INL_H_
#undef METASTEP_OPTIMIZER_GROUP_ROWS_INL_H_
#else
#define METASTEP_OPTIMIZER_GROUP_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "hwy/highway.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/cell_stack.h"
#include "optimizer/kernel_scratch.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

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

// Lays a trace of K steps out in the thread's scratch.
inline GroupTrace MakeGroupTrace(const StackWeights& weights, size_t steps) {
  const size_t parts[] = {(steps + 1) * weights.layout.rows + kBlock,
                          weights.stack.state_variables, weights.stack.inputs(),
                          weights.layout.sum_rows};
  size_t rows = 0;
  for (size_t part : parts) rows += kGroupBlocks * part;
  float* at = ThreadScratch<float>(rows * kBlock);
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

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_GROUP_ROWS_INL_H_
