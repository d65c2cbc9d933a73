// The two 16-bit floating point formats. Conversions to them round to nearest,
// ties to even, and keep a NaN one.
#ifndef METASTEP_BASE_HALF_FLOATS_H_
#define METASTEP_BASE_HALF_FLOATS_H_

#include <bit>
#include <cstdint>

namespace metastep {

inline constexpr uint32_t kFloatMagnitude = 0x7fffffff;
inline constexpr uint32_t kFloatInfinity = 0x7f800000;

// bfloat16: the upper half of a float32.
inline uint16_t BFloat16FromFloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  // A quiet bit, lest the payload's upper half be zero.
  const uint32_t nan = (bits >> 16) | 0x40;
  return static_cast<uint16_t>(
      (bits & kFloatMagnitude) > kFloatInfinity ? nan : rounded);
}

inline float FloatFromBFloat16(uint16_t half) {
  return std::bit_cast<float>(static_cast<uint32_t>(half) << 16);
}

// IEEE 754 binary16. From 65520 on the result is an infinity.
inline uint16_t Float16FromFloat(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000;
  const uint32_t magnitude = bits & kFloatMagnitude;
  // From 2^-14 to 2^16: the exponent's bias goes from 127 to 15.
  const uint32_t normal =
      (magnitude - (112u << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
  // Below 2^-14: a float in [0.5, 1) has units of 2^-24, as a half's subnormal.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) -
      std::bit_cast<uint32_t>(0.5f);
  const uint32_t nan = 0x7e00 | ((magnitude >> 13) & 0x3ff);
  uint32_t half = magnitude < 0x38800000 ? subnormal : normal;
  half = magnitude >= 0x47800000 ? 0x7c00 : half;
  half = magnitude > kFloatInfinity ? nan : half;
  return static_cast<uint16_t>(sign | half);
}

inline float FloatFromFloat16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t magnitude = half & 0x7fff;
  const uint32_t normal = (magnitude << 13) + (112u << 23);
  const uint32_t special = (magnitude << 13) + (224u << 23);  // infinity, NaN
  const auto subnormal =
      std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
  uint32_t bits = magnitude < 0x400 ? subnormal : normal;
  bits = magnitude >= 0x7c00 ? special : bits;
  return std::bit_cast<float>(sign | bits);
}

}  // namespace metastep

#endif  // METASTEP_BASE_HALF_FLOATS_H_
