#include "optimizer/cell_stack.h"

#include <algorithm>
#include <utility>

#include "optimizer/update_rule.h"

namespace metastep {
namespace {

size_t BlocksOf(size_t columns) {
  return (columns + UpdateRule::kBlock - 1) / UpdateRule::kBlock;
}

// f(product) for each of a stack.
template <class F>
void ForEachProduct(const CellStack& stack, const F& f) {
  for (const CellLayer& layer : stack.layers) {
    for (const CellProduct& product : layer.products) f(product);
  }
}

std::vector<float> ByRow(const CellStack& stack, absl::Span<const float> phi,
                         absl::Span<const float> constants) {
  std::vector<float> all(phi.begin(), phi.end());
  all.insert(all.end(), constants.begin(), constants.end());
  std::vector<float> by_row = all;
  ForEachProduct(stack, [&](const CellProduct& product) {
    const size_t columns = product.columns();
    for (size_t k = 0; k < product.phi_rows(); ++k) {
      const size_t begin = product.phi + k * columns;
      for (size_t row = 0; row < columns; ++row) {
        by_row[begin + row] = all[begin + product.phi_column(row)];
      }
    }
  });
  return by_row;
}

std::vector<float> Transposed(const CellStack& stack,
                              const std::vector<float>& by_row) {
  std::vector<float> transposed(by_row.size());
  ForEachProduct(stack, [&](const CellProduct& product) {
    for (size_t k = 0; k < product.depth; ++k) {
      for (size_t row = 0; row < product.columns(); ++row) {
        transposed[product.phi + row * product.depth + k] =
            by_row[product.phi + k * product.columns() + row];
      }
    }
  });
  return transposed;
}

}  // namespace

size_t CellLayer::multiplied_variables() const {
  size_t end = inputs;
  for (const CellProduct& product : products) {
    if (product.in < own()) end = std::max(end, product.in + product.depth);
  }
  return end - inputs;
}

CellStackLayout::CellStackLayout(const CellStack& stack) {
  for (const CellLayer& layer : stack.layers) {
    layers.push_back(rows);
    rows += layer.rows();
    std::vector<size_t>& of_layer = sums.emplace_back();
    for (const CellProduct& product : layer.products) {
      of_layer.push_back(sum_rows);
      if (!product.learned) continue;
      sum_rows += BlocksOf(product.columns()) * (product.depth + 1);
    }
  }
  top = rows;
  rows += stack.output_inputs;
  preprocessing = rows;
  rows += stack.preprocessing_variables();
  output_sums = sum_rows;
  sum_rows += stack.output_inputs + 1;
}

StackWeights::StackWeights(CellStack of, absl::Span<const float> values,
                           absl::Span<const float> constants)
    : stack(std::move(of)),
      layout(stack),
      phi(values.begin(), values.end()),
      by_row(ByRow(stack, values, constants)),
      transposed(Transposed(stack, by_row)) {}

}  // namespace metastep
