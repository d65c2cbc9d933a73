// Small matrix products over rows of one block, 16 lanes each. Included once
// for each instruction set, by Highway's foreach_target.h. All rows are
// aligned.
//
// No sum crosses lanes and each runs in order of depth, so the results do not
// depend on the width of a vector.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_BLOCK_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_BLOCK_ROWS_INL_H_
#undef METASTEP_OPTIMIZER_BLOCK_ROWS_INL_H_
#else
#define METASTEP_OPTIMIZER_BLOCK_ROWS_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"
#include "optimizer/update_rule.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kBlock = UpdateRule::kBlock;
using BlockTag = hn::CappedTag<float, kBlock>;
using BlockVec = hn::Vec<BlockTag>;
constexpr size_t kLanes = hn::MaxLanes(BlockTag());
constexpr size_t kVectors = kBlock / kLanes;  // of one row

// Sums that are in flight at once: two FMA units of latency 4 need 8. AVX-512
// has registers for 16, which halves the loads of b.
constexpr size_t kSums = kVectors == 1 ? 16 : 8;
constexpr size_t kTileRows = HWY_MAX(1, kSums / kVectors);

enum class Into { kFresh, kSum };

// One tile of Product, its sums in registers.
template <size_t kRows, size_t kRowStride, Into kInto>
HWY_INLINE void ProductTile(const float* HWY_RESTRICT a, size_t stride,
                            const float* HWY_RESTRICT b, size_t depth,
                            float* HWY_RESTRICT out) {
  const BlockTag d;
  BlockVec sums[kRows][kVectors];
  HWY_UNROLL(16)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(16)
    for (size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = kInto == Into::kSum
                       ? hn::Load(d, out + r * kBlock + v * kLanes)
                       : hn::Zero(d);
    }
  }
  for (size_t k = 0; k < depth; ++k) {
    HWY_UNROLL(16)
    for (size_t r = 0; r < kRows; ++r) {
      const BlockVec factor = hn::Set(d, a[r * kRowStride + k * stride]);
      HWY_UNROLL(16)
      for (size_t v = 0; v < kVectors; ++v) {
        sums[r][v] = hn::MulAdd(
            factor, hn::Load(d, b + k * kBlock + v * kLanes), sums[r][v]);
      }
    }
  }
  HWY_UNROLL(16)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(16)
    for (size_t v = 0; v < kVectors; ++v) {
      hn::Store(sums[r][v], d, out + r * kBlock + v * kLanes);
    }
  }
}

// out[r] = (or +=) sum over k < depth of a[r * kRowStride + k * stride] * b[k],
// for r < rows; out and b are rows of a block, a is scalars.
template <size_t kRowStride, Into kInto, size_t kTile = kTileRows>
HWY_INLINE void Product(const float* a, size_t stride, const float* b,
                        size_t depth, float* out, size_t rows) {
  size_t r = 0;
  for (; r + kTile <= rows; r += kTile) {
    ProductTile<kTile, kRowStride, kInto>(a + r * kRowStride, stride, b, depth,
                                          out + r * kBlock);
  }
  if constexpr (kTile > 1) {
    Product<kRowStride, kInto, kTile / 2>(a + r * kRowStride, stride, b, depth,
                                          out + r * kBlock, rows - r);
  }
}

// Moves the upper two bits of an index into 4 x 64 numbers below the others.
HWY_INLINE void Interleave(const float* HWY_RESTRICT in,
                           float* HWY_RESTRICT out) {
  constexpr size_t kQuarter = kBlock * kBlock / 4;
  const BlockTag d;
  for (size_t i = 0; i < kQuarter; i += kLanes) {
    hn::StoreInterleaved4(hn::Load(d, in + i), hn::Load(d, in + kQuarter + i),
                          hn::Load(d, in + 2 * kQuarter + i),
                          hn::Load(d, in + 3 * kQuarter + i), d, out + 4 * i);
  }
}

// Transposes a matrix of 16 rows: row and lane are four bits each of an index,
// so two interleavings exchange them.
HWY_INLINE void Transpose(const float* in, float* out) {
  HWY_ALIGN float between[kBlock * kBlock];
  Interleave(in, between);
  Interleave(between, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_BLOCK_ROWS_INL_H_
