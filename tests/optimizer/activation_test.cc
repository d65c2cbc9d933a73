#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/base/casts.h"
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

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::IsNan;

HWY_EXPORT(TanhOfAll);
HWY_EXPORT(SigmoidOfAll);

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// In both signs, every 2^9th float from 2^-30, below which tanh is linear to
// float's precision, to 2^34, far beyond where tanh and sigmoid are constant.
std::vector<float> Arguments() {
  std::vector<float> arguments;
  const uint32_t end = absl::bit_cast<uint32_t>(0x1p34f);
  for (uint32_t bits = absl::bit_cast<uint32_t>(0x1p-30f); bits < end;
       bits += 1 << 9) {
    const float magnitude = absl::bit_cast<float>(bits);
    arguments.insert(arguments.end(), {magnitude, -magnitude});
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
  const bool fused = (GetParam() & (HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL)) != 0;
  EXPECT_LE(worst, fused ? 2e-7 : 2.5e-7);
}

TEST_P(ActivationTest, InfinityGivesTheLimitsAndNanNan) {
  const std::vector<float> arguments = {kInfinity, -kInfinity, kNan, -kNan};
  std::vector<float> tanh(16), sigmoid(16);
  absl::c_copy(arguments, tanh.begin());
  absl::c_copy(arguments, sigmoid.begin());
  HWY_DYNAMIC_DISPATCH(TanhOfAll)(absl::MakeSpan(tanh));
  HWY_DYNAMIC_DISPATCH(SigmoidOfAll)(absl::MakeSpan(sigmoid));
  tanh.resize(4);
  sigmoid.resize(4);
  EXPECT_THAT(tanh, ElementsAre(FloatNear(1, 4e-7f), FloatNear(-1, 4e-7f),
                                IsNan(), IsNan()));
  EXPECT_THAT(sigmoid, ElementsAre(FloatNear(1, 2e-7f), FloatNear(0, 2e-7f),
                                   IsNan(), IsNan()));
}

METASTEP_INSTANTIATE_FOR_VECTOR_TARGETS(ActivationTest);

}  // namespace
}  // namespace metastep

#endif  // HWY_ONCE
