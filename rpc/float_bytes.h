// float32 arrays on the wire: little-endian bytes.
#ifndef METASTEP_RPC_FLOAT_BYTES_H_
#define METASTEP_RPC_FLOAT_BYTES_H_

#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace metastep {

static_assert(std::endian::native == std::endian::little,
              "floats are copied to the wire as they lie in memory");

inline std::string FloatsToBytes(absl::Span<const float> floats) {
  return std::string(reinterpret_cast<const char*>(floats.data()),
                     floats.size() * sizeof(float));
}

// Bytes past the last whole float are ignored: check the size first.
inline std::vector<float> FloatsFromBytes(absl::string_view bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  if (floats.empty()) return floats;  // memcpy takes no null
  std::memcpy(floats.data(), bytes.data(), floats.size() * sizeof(float));
  return floats;
}

}  // namespace metastep

#endif  // METASTEP_RPC_FLOAT_BYTES_H_
