// Small matrix products over rows of one block, 16 lanes each. Included once
// for each instruction set, by Highway's foreach_target.h. All rows are
// aligned.
//
// No sum crosses lanes and each runs in order of depth, so the results depend
// neither on the width of a vector nor on what is multiplied side by side.

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

// Panels that one product takes side by side at most, so that a scalar that is
// loaded feeds several multiply-adds: three of one vector on AVX-512, one of
// several vectors elsewhere.
constexpr size_t kMaxPanels = kVectors == 1 ? 3 : 1;

// Sums in registers at once: two units of latency 4 need 8; more halve the
// loads. AVX-512 and NEON have 32 registers, the others 16.
constexpr size_t kSums = HWY_TARGET <= HWY_AVX3 ? 24
                         : HWY_ARCH_ARM_A64     ? 16
                                                : 8;

// Rows of a tile of `panels`: eight of three, or of less where eight do, since
// numbers of rows tend to be multiples of it.
constexpr size_t TileRows(size_t panels) {
  return HWY_MAX(size_t{1}, HWY_MIN(size_t{8}, kSums / (panels * kVectors)));
}

// The same row of each of several panels, `stride` floats from one to the next.
template <typename T>
struct Panels {
  T* row;
  size_t stride;

  T* panel(size_t i) const { return row + i * stride; }
};

// What a product adds to: nothing, a bias for each row, or the sums so far.
enum class Onto { kZero, kBias, kSum };

// One tile of Product, its sums in registers.
template <size_t kRows, size_t kRowStride, Onto kOnto, size_t kCount>
HWY_INLINE void ProductTile(const float* HWY_RESTRICT a, size_t stride,
                            Panels<const float> b, size_t depth,
                            const float* HWY_RESTRICT bias, Panels<float> out) {
  constexpr size_t kColumns = kCount * kVectors;
  const BlockTag d;
  const auto at = [](auto panels, size_t row, size_t column) HWY_ATTR {
    return panels.panel(column / kVectors) + row * kBlock +
           column % kVectors * kLanes;
  };
  BlockVec sums[kRows][kColumns];
  HWY_UNROLL(16)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(16)
    for (size_t c = 0; c < kColumns; ++c) {
      if constexpr (kOnto == Onto::kSum) {
        sums[r][c] = hn::Load(d, at(out, r, c));
      } else {
        sums[r][c] = kOnto == Onto::kBias ? hn::Set(d, bias[r]) : hn::Zero(d);
      }
    }
  }
  HWY_UNROLL(2)  // halves what the loop costs of the same two units
  for (size_t k = 0; k < depth; ++k) {
    BlockVec rows[kColumns];
    HWY_UNROLL(16)
    for (size_t c = 0; c < kColumns; ++c) rows[c] = hn::Load(d, at(b, k, c));
    HWY_UNROLL(16)
    for (size_t r = 0; r < kRows; ++r) {
      const BlockVec factor = hn::Set(d, a[r * kRowStride + k * stride]);
      HWY_UNROLL(16)
      for (size_t c = 0; c < kColumns; ++c) {
        sums[r][c] = hn::MulAdd(factor, rows[c], sums[r][c]);
      }
    }
  }
  HWY_UNROLL(16)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(16)
    for (size_t c = 0; c < kColumns; ++c) {
      hn::Store(sums[r][c], d, at(out, r, c));
    }
  }
}

// out[r] = (0, bias[r] or out[r]) + sum over k < depth of
// a[r * kRowStride + k * stride] * b[k], for r < rows; out and b are rows of
// kCount panels, a and bias are scalars.
template <size_t kRowStride, Onto kOnto, size_t kCount,
          size_t kTile = TileRows(kCount)>
HWY_INLINE void Product(const float* a, size_t stride, Panels<const float> b,
                        size_t depth, const float* bias, Panels<float> out,
                        size_t rows) {
  size_t r = 0;
  const auto rest = [&]() HWY_ATTR {
    return Panels<float>{out.row + r * kBlock, out.stride};
  };
  const auto bias_at = [&]() { return kOnto == Onto::kBias ? bias + r : bias; };
  for (; r + kTile <= rows; r += kTile) {
    ProductTile<kTile, kRowStride, kOnto, kCount>(a + r * kRowStride, stride, b,
                                                  depth, bias_at(), rest());
  }
  if constexpr (kTile > 1) {
    Product<kRowStride, kOnto, kCount, kTile / 2>(
        a + r * kRowStride, stride, b, depth, bias_at(), rest(), rows - r);
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
