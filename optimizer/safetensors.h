// Strict reading and writing of safetensors files: 8 bytes of header length, a
// JSON header, the tensors' bytes. The format is that of
// https://github.com/huggingface/safetensors, here for float32 alone.
#ifndef METASTEP_OPTIMIZER_SAFETENSORS_H_
#define METASTEP_OPTIMIZER_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

// Bytes that the JSON header may have at most.
inline constexpr int64_t kMaxSafetensorsHeaderBytes = 1 << 20;

// One float32 tensor, row-major. Does not own its data.
struct SafetensorsTensor {
  std::string name;
  std::vector<int64_t> shape;  // empty is a scalar
  absl::string_view data;      // 4 bytes an element, little-endian, unaligned
};

struct Safetensors {
  std::map<std::string, std::string> metadata;  // the header's __metadata__
  std::vector<SafetensorsTensor> tensors;       // in the order of their data
};

// Reads a file; the tensors' data points into `bytes`. Errors: InvalidArgument,
// saying what was expected and found where: a length or offset beyond the file,
// a header that is not the JSON it should be, a duplicate key, another dtype
// than F32, an empty tensor, a shape that does not fit its bytes, a hole or an
// overlap between tensors. Allocates in proportion to the header alone.
absl::StatusOr<Safetensors> ReadSafetensors(absl::string_view bytes);

// The same contents give the same bytes. REQUIRES: names are unique, none is
// "__metadata__", and each tensor's data fits its shape.
std::string WriteSafetensors(const Safetensors& file);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_SAFETENSORS_H_
