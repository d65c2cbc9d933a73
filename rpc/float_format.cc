#include "rpc/float_format.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_format.h"
#include "base/half_floats.h"

namespace metastep {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied to the wire as they lie in memory");

// Bytes have no alignment: hence the copies, which compile to plain loads and
// stores.
template <uint16_t (*convert)(float)>
void EncodeHalves(absl::Span<const float> floats, char* bytes) {
  for (size_t i = 0; i < floats.size(); ++i) {
    const uint16_t half = convert(floats[i]);
    std::memcpy(bytes + sizeof(half) * i, &half, sizeof(half));
  }
}

template <float (*convert)(uint16_t)>
void DecodeHalves(const char* bytes, absl::Span<float> floats) {
  for (size_t i = 0; i < floats.size(); ++i) {
    uint16_t half = 0;
    std::memcpy(&half, bytes + sizeof(half) * i, sizeof(half));
    floats[i] = convert(half);
  }
}

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
  if (format == v1::BFLOAT16) {
    EncodeHalves<BFloat16FromFloat>(floats, bytes.data());
  } else {
    EncodeHalves<Float16FromFloat>(floats, bytes.data());
  }
}

void DecodeFloats(v1::FloatFormat format, absl::string_view bytes,
                  absl::Span<float> floats) {
  if (format == v1::BFLOAT16) {
    DecodeHalves<FloatFromBFloat16>(bytes.data(), floats);
  } else if (format == v1::FLOAT16) {
    DecodeHalves<FloatFromFloat16>(bytes.data(), floats);
  } else if (!bytes.empty()) {
    std::memcpy(floats.data(), bytes.data(), bytes.size());
  }
}

}  // namespace metastep
