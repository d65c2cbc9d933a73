#include "optimizer/legendre_memory.h"

#include <algorithm>
#include <cmath>

namespace metastep {
namespace {

// Row-major and square. Not thread-safe.
struct Matrix {
  explicit Matrix(size_t n) : size(n), values(n * n) {}

  double& at(size_t row, size_t column) { return values[row * size + column]; }
  double at(size_t row, size_t column) const {
    return values[row * size + column];
  }

  size_t size;
  std::vector<double> values;
};

// scale * x y
Matrix Product(const Matrix& x, const Matrix& y, double scale) {
  Matrix product(x.size);
  for (size_t i = 0; i < x.size; ++i) {
    for (size_t k = 0; k < x.size; ++k) {
      for (size_t j = 0; j < x.size; ++j) {
        product.at(i, j) += scale * x.at(i, k) * y.at(k, j);
      }
    }
  }
  return product;
}

// The largest sum of magnitudes of a row.
double Norm(const Matrix& x) {
  double norm = 0;
  for (size_t i = 0; i < x.size; ++i) {
    double sum = 0;
    for (size_t j = 0; j < x.size; ++j) sum += std::abs(x.at(i, j));
    norm = std::max(norm, sum);
  }
  return norm;
}

// e^x by its series, at a norm of at most 1/2, where 16 terms leave less than
// 2^-16 / 16! = 1e-18 of it, and repeated squaring: e^x = (e^(x / 2^s))^(2^s).
Matrix Exponential(const Matrix& x) {
  constexpr int kTerms = 16;
  int squarings = 0;
  for (double norm = Norm(x); norm > 0.5; norm /= 2) ++squarings;
  Matrix sum(x.size), term(x.size);
  for (size_t i = 0; i < x.size; ++i) sum.at(i, i) = term.at(i, i) = 1;
  for (int k = 1; k <= kTerms; ++k) {
    term = Product(term, x, std::ldexp(1.0, -squarings) / k);
    for (size_t i = 0; i < sum.values.size(); ++i) {
      sum.values[i] += term.values[i];
    }
  }
  for (; squarings > 0; --squarings) sum = Product(sum, sum, 1);
  return sum;
}

}  // namespace

// With u as one more state that stays as it is, the hold is an exponential: of
// [A, B; 0, 0] / length.
LegendreMemory MakeLegendreMemory(size_t order, double length) {
  Matrix system(order + 1);
  for (size_t i = 0; i < order; ++i) {
    const double scale = static_cast<double>(2 * i + 1) / length;
    for (size_t j = 0; j < order; ++j) {
      system.at(i, j) = i < j || (i - j) % 2 == 0 ? -scale : scale;
    }
    system.at(i, order) = i % 2 == 0 ? scale : -scale;
  }
  const Matrix held = Exponential(system);
  LegendreMemory memory;
  for (size_t i = 0; i < order; ++i) {
    for (size_t j = 0; j < order; ++j) memory.a.push_back(held.at(i, j));
    memory.b.push_back(held.at(i, order));
  }
  return memory;
}

}  // namespace metastep
