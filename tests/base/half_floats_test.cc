#include "base/half_floats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/bfloat16_array.h"

namespace metastep {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A format by its definition (IEEE 754): `digits` bits of significand, from
// 2^min_exponent on; below, multiples of the smallest step; ties to even.
double Nearest(float value, int digits, int min_exponent) {
  int exponent = 0;
  std::frexp(value, &exponent);  // |value| in [2^(exponent - 1), 2^exponent)
  const int unit = std::max(exponent - 1, min_exponent) - (digits - 1);
  // Scaling by powers of two is exact in double, and nearbyint rounds to even.
  return std::ldexp(std::nearbyint(std::ldexp(double{value}, -unit)), unit);
}

// Of all floats, a stride that is odd, so that it meets every low bit pattern.
template <typename Check>
void ForManyFloats(const Check& check) {
  for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 4099) {
    check(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
}

TEST(HalfFloatsTest, BFloat16RoundsToNearestEven) {
  ForManyFloats([](float value) {
    if (!std::isfinite(value)) return;
    double expected = Nearest(value, 8, -126);
    // Beyond the largest bfloat16 and half a step: what a 129th exponent has.
    if (std::abs(expected) >= 0x1p128)
      expected = std::copysign(kInfinity, value);
    ASSERT_EQ(FloatFromBFloat16(BFloat16FromFloat(value)), expected) << value;
  });
}

TEST(HalfFloatsTest, Float16RoundsToNearestEven) {
  ForManyFloats([](float value) {
    if (!std::isfinite(value)) return;
    double expected = Nearest(value, 11, -14);
    if (std::abs(expected) >= 65536) expected = std::copysign(kInfinity, value);
    ASSERT_EQ(FloatFromFloat16(Float16FromFloat(value)), expected) << value;
  });
}

TEST(BFloat16ArrayTest, IsWhatNumberByNumberIs) {
  std::vector<float> floats;
  ForManyFloats([&](float value) { floats.push_back(value); });
  // Around every count of lanes, and all of them.
  for (const size_t n :
       {0ul, 1ul, 3ul, 7ul, 8ul, 15ul, 16ul, 17ul, 33ul, floats.size()}) {
    std::vector<uint16_t> halves(n);
    RoundToBFloat16(floats.data(), n, halves.data());
    std::vector<float> wide(n);
    WidenBFloat16(halves.data(), n, wide.data());
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(halves[i], BFloat16FromFloat(floats[i])) << floats[i];
      ASSERT_EQ(std::bit_cast<uint32_t>(wide[i]),
                std::bit_cast<uint32_t>(FloatFromBFloat16(halves[i])));
    }
  }
}

TEST(HalfFloatsTest, EveryHalfComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (!std::isnan(FloatFromBFloat16(half))) {
      ASSERT_EQ(BFloat16FromFloat(FloatFromBFloat16(half)), half);
    }
    if (!std::isnan(FloatFromFloat16(half))) {
      ASSERT_EQ(Float16FromFloat(FloatFromFloat16(half)), half);
    }
  }
}

TEST(HalfFloatsTest, ANanStaysOne) {
  // Quiet, signalling, and with a payload in the bits that are cut off alone.
  for (const uint32_t bits :
       {0x7fc00000u, 0x7fa00000u, 0x7f800001u, 0xff800001u, 0xffffffffu}) {
    const auto nan = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(FloatFromBFloat16(BFloat16FromFloat(nan))));
    EXPECT_TRUE(std::isnan(FloatFromFloat16(Float16FromFloat(nan))));
  }
}

// 65504 is the largest half; halfway to the next would be 65520.
TEST(HalfFloatsTest, Float16OverflowsToInfinity) {
  EXPECT_EQ(FloatFromFloat16(Float16FromFloat(65519)), 65504);
  EXPECT_EQ(FloatFromFloat16(Float16FromFloat(65520)), kInfinity);
  EXPECT_EQ(FloatFromFloat16(Float16FromFloat(-1e30f)), -kInfinity);
  EXPECT_EQ(FloatFromFloat16(Float16FromFloat(kInfinity)), kInfinity);
}

}  // namespace
}  // namespace metastep
