#include "rpc/float_format.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "base/bfloat16_array.h"
#include "base/half_floats.h"

namespace metastep {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied to the wire as they lie in memory");

}  // namespace

absl::Status CheckFloatFormat(absl::string_view field, v1::FloatFormat format) {
  if (v1::FloatFormat_IsValid(format)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s is %d; use FLOAT32, BFLOAT16 or FLOAT16", field, format));
}

int64_t BytesPerFloat(v1::FloatFormat format) {
  return format == v1::BFLOAT16 || format == v1::FLOAT16 ? 2 : 4;
}

void EncodeFloats(v1::FloatFormat format, absl::Span<const float> floats,
                  std::string& bytes) {
  if (BytesPerFloat(format) == sizeof(float)) {
    bytes.assign(reinterpret_cast<const char*>(floats.data()),
                 floats.size() * sizeof(float));
    return;
  }
  bytes.resize(floats.size() * sizeof(uint16_t));
  auto* halves = reinterpret_cast<uint16_t*>(bytes.data());
  if (format == v1::BFLOAT16) {
    return RoundToBFloat16(floats.data(), floats.size(), halves);
  }
  for (size_t i = 0; i < floats.size(); ++i) {
    halves[i] = Float16FromFloat(floats[i]);
  }
}

void DecodeFloats(v1::FloatFormat format, absl::string_view bytes,
                  absl::Span<float> floats) {
  if (bytes.empty()) return;
  if (BytesPerFloat(format) == sizeof(float)) {
    std::memcpy(floats.data(), bytes.data(), bytes.size());
    return;
  }
  const auto* halves = reinterpret_cast<const uint16_t*>(bytes.data());
  if (format == v1::BFLOAT16) {
    return WidenBFloat16(halves, floats.size(), floats.data());
  }
  for (size_t i = 0; i < floats.size(); ++i) {
    floats[i] = FloatFromFloat16(halves[i]);
  }
}

}  // namespace metastep
