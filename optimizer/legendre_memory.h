// The memory of the Legendre memory unit (Voelker, Kajic and Eliasmith 2019):
// a linear system whose state m holds the last `length` steps of its input u as
// coefficients of shifted Legendre polynomials.
#ifndef METASTEP_OPTIMIZER_LEGENDRE_MEMORY_H_
#define METASTEP_OPTIMIZER_LEGENDRE_MEMORY_H_

#include <cstddef>
#include <vector>

namespace metastep {

// m' = a m + b u.
struct LegendreMemory {
  std::vector<double> a;  // [order, order], row-major
  std::vector<double> b;  // [order]
};

// The zero-order hold over one step of the paper's equations 1 and 2,
//   length dm/dt = A m + B u,
//   A_ij = (2 i + 1) (-1 if i < j, else (-1)^(i - j + 1)),
//   B_i = (2 i + 1) (-1)^i,
// with i, j from 0. REQUIRES: order from 1 to 64, length at least 1.
LegendreMemory MakeLegendreMemory(size_t order, double length);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LEGENDRE_MEMORY_H_
