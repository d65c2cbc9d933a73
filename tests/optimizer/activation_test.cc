#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/types/span.h"
#include "tests/optimizer/vector_target_testing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/optimizer/activation_test.cc"
#include "hwy/foreach_target.h"
// After foreach_target.h:
#include "hwy/highway.h"
#include "optimizer/activation-inl.h"

HWY_BEFORE_NAMESPACE();
namespace metastep {
namespace HWY_NAMESPACE {
namespace {

using Tag = hn::CappedTag<float, 16>;

// In place; the size is a multiple of 16.
void TanhOfAll(absl::Span<float> numbers) {
  const Tag d;
  for (size_t i = 0; i < numbers.size(); i += hn::Lanes(d)) {
    const auto tanh = TanhFraction(d, hn::LoadU(d, &numbers[i]));
    hn::StoreU(hn::Div(tanh.numerator, tanh.denominator), d, &numbers[i]);
  }
}

void SigmoidOfAll(absl::Span<float> numbers) {
  const Tag d;
  for (size_t i = 0; i < numbers.size(); i += hn::Lanes(d)) {
    const auto twice = TwiceSigmoidFraction(d, hn::LoadU(d, &numbers[i]));
    hn::StoreU(
        hn::Mul(hn::Set(d, 0.5f), hn::Div(twice.numerator, twice.denominator)),
        d, &numbers[i]);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace metastep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace metastep {
namespace {

HWY_EXPORT(TanhOfAll);
HWY_EXPORT(SigmoidOfAll);

// 2^17 numbers: of every magnitude from 2^-30 to 2^34 in both signs, and evenly
// over [-20, 20].
std::vector<float> Arguments() {
  std::vector<float> arguments;
  for (int i = 0; i < 1 << 15; ++i) {
    const float magnitude = std::exp2(static_cast<float>(i) / 512 - 30);
    arguments.insert(arguments.end(), {magnitude, -magnitude});
  }
  for (int i = 0; i < 1 << 16; ++i) {
    arguments.push_back(static_cast<float>(i - (1 << 15)) / 1638.4f);
  }
  return arguments;
}

class ActivationTest : public VectorTargetTest {};

TEST_P(ActivationTest, TanhIsAccurateRelatively) {
  const std::vector<float> arguments = Arguments();
  std::vector<float> values = arguments;
  HWY_DYNAMIC_DISPATCH(TanhOfAll)(absl::MakeSpan(values));
  double worst = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double exact = std::tanh(double{arguments[i]});
    worst = std::max(worst, std::abs(values[i] / exact - 1));
  }
  EXPECT_LE(worst, 4e-7);
}

TEST_P(ActivationTest, SigmoidIsAccurateAbsolutely) {
  const std::vector<float> arguments = Arguments();
  std::vector<float> values = arguments;
  HWY_DYNAMIC_DISPATCH(SigmoidOfAll)(absl::MakeSpan(values));
  double worst = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double exact = 1 / (1 + std::exp(-double{arguments[i]}));
    worst = std::max(worst, std::abs(values[i] - exact));
  }
  EXPECT_LE(worst, 2e-7);
}

METASTEP_INSTANTIATE_FOR_VECTOR_TARGETS(ActivationTest);

}  // namespace
}  // namespace metastep

#endif  // HWY_ONCE
