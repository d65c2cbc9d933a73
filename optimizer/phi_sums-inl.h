// Where a window's sums of dL/dphi come together. Included once for each
// instruction set, by Highway's foreach_target.h.

// Per-target include guard.
#if defined(METASTEP_OPTIMIZER_PHI_SUMS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef METASTEP_OPTIMIZER_PHI_SUMS_INL_H_
#undef METASTEP_OPTIMIZER_PHI_SUMS_INL_H_
#else
#define METASTEP_OPTIMIZER_PHI_SUMS_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "absl/types/span.h"
#include "hwy/highway.h"
#include "optimizer/block_rows-inl.h"
#include "optimizer/cell_stack.h"
#include "optimizer/group_rows-inl.h"
#include "optimizer/kernel_scratch.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {

// dL/dphi in double, its products' in the order of the layout's sum rows while
// groups add to it: a group's sums are then whole rows, where phi's order would
// scatter them. Each element takes the same terms in the same order as in phi.
// Not thread-safe.
class PhiSums {
 public:
  // Goes on from what `phi`, [phi_size], holds.
  PhiSums(const StackWeights& weights, absl::Span<double> phi)
      : weights_(weights),
        phi_(phi),
        count_(weights.layout.output_sums * kBlock),
        products_(ThreadScratch<double>(count_)) {
    std::fill_n(products_, count_, 0.0);
    ForEachProduct([](double element, double& sum) { sum = element; });
  }

  // Adds the sums of a group's first `blocks`.
  void Add(const GroupRows& sums, size_t blocks) {
    for (size_t block = 0; block < blocks; ++block) {
      const float* const rows = sums.row(block, 0);
      AddProducts(rows);
      AddOutput(rows + count_);
    }
  }

  // Puts what has come together into phi.
  void Store() {
    ForEachProduct([](double& element, double sum) { element = sum; });
  }

 private:
  // f(element of phi, its sum) for each of the learned products.
  template <class F>
  void ForEachProduct(const F& f) {
    const CellStack& stack = weights_.stack;
    for (size_t i = 0; i < stack.layers.size(); ++i) {
      for (size_t p = 0; p < stack.layers[i].products.size(); ++p) {
        const CellProduct& product = stack.layers[i].products[p];
        if (!product.learned) continue;
        ForEachElement(product, weights_.layout.sums[i][p], f);
      }
    }
  }

  template <class F>
  void ForEachElement(const CellProduct& product, size_t sums, const F& f) {
    const size_t columns = product.columns();
    for (size_t column = 0; column < columns; ++column) {
      const size_t panel = sums + column / kBlock * (product.depth + 1);
      double* const phi = &phi_[product.phi + product.phi_column(column)];
      double* const sum = &products_[panel * kBlock + column % kBlock];
      for (size_t r = 0; r < product.phi_rows(); ++r) {
        f(phi[r * columns], sum[r * kBlock]);
      }
    }
  }

  void AddProducts(const float* rows) {
    const hn::CappedTag<double, kBlock> d;
    const hn::Rebind<float, decltype(d)> as_float;
    for (size_t k = 0; k < count_; k += hn::MaxLanes(d)) {
      const auto row = hn::PromoteTo(d, hn::Load(as_float, rows + k));
      hn::Store(hn::Add(hn::Load(d, products_ + k), row), d, products_ + k);
    }
  }

  // The output's rows have a lane for each coordinate.
  void AddOutput(const float* rows) {
    const CellStack& stack = weights_.stack;
    for (size_t r = 0; r <= stack.output_inputs; ++r) {
      for (size_t lane = 0; lane < kBlock; ++lane) {
        phi_[stack.output_phi + r] += *rows++;
      }
    }
  }

  const StackWeights& weights_;
  const absl::Span<double> phi_;
  const size_t count_;
  double* const products_;  // [count], of the thread's scratch
};

}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#endif  // METASTEP_OPTIMIZER_PHI_SUMS_INL_H_
