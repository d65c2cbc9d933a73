#include "optimizer/legendre_memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace metastep {
namespace {

void Advance(const LegendreMemory& memory, double u, std::vector<double>& m) {
  const std::vector<double> before = m;
  for (size_t i = 0; i < m.size(); ++i) {
    m[i] = memory.b[i] * u;
    for (size_t j = 0; j < m.size(); ++j) {
      m[i] += memory.a[i * m.size() + j] * before[j];
    }
  }
}

// length dm/dt = u - m has the hold m' = e^(-1 / length) m + (1 - e^(-1 /
// length)) u.
TEST(LegendreMemoryTest, OfOrderOneIsALowPassFilter) {
  const LegendreMemory memory = MakeLegendreMemory(1, 4);
  ASSERT_EQ(memory.a.size(), 1u);
  ASSERT_EQ(memory.b.size(), 1u);
  EXPECT_DOUBLE_EQ(memory.a[0], std::exp(-0.25));
  EXPECT_DOUBLE_EQ(memory.b[0], 1 - std::exp(-0.25));
}

// A constant is the polynomial of degree 0, whatever the step: A e_0 + B = 0.
TEST(LegendreMemoryTest, HoldsAConstantAsItIs) {
  for (const size_t order : {1, 2, 16, 64}) {
    for (const double length : {1.0, 100.0, 1e6}) {
      const LegendreMemory memory = MakeLegendreMemory(order, length);
      std::vector<double> m(order);
      m[0] = 1;
      Advance(memory, 1, m);
      for (size_t i = 0; i < order; ++i) {
        EXPECT_NEAR(m[i], i == 0 ? 1 : 0, 1e-9)
            << i << " of " << order << ", " << length;
      }
    }
  }
}

// At 1 all shifted Legendre polynomials are 1, so the input `length` steps ago
// is the sum of the state. The system is an approximation: of order 8 it delays
// a sine of a third of its period by 1 % at most.
TEST(LegendreMemoryTest, DelaysItsInput) {
  constexpr size_t kOrder = 8;
  constexpr int kLength = 50, kPeriod = 150;
  const LegendreMemory memory = MakeLegendreMemory(kOrder, kLength);
  std::vector<double> m(kOrder);
  const auto input = [](int t) { return std::sin(2 * M_PI * t / kPeriod); };
  for (int t = 0; t < 4 * kPeriod; ++t) {
    // The hold lets a step's input in over that step.
    Advance(memory, (input(t) + input(t + 1)) / 2, m);
    if (t < 2 * kPeriod) continue;
    double sum = 0;
    for (const double coefficient : m) sum += coefficient;
    EXPECT_NEAR(sum, input(t + 1 - kLength), 0.01) << t;
  }
}

}  // namespace
}  // namespace metastep
