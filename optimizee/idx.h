// IDX files of unsigned bytes, the format of MNIST's images and labels: a magic
// number 0x0000'08RR (RR is the number of dimensions), the dimensions, then the
// values row-major; all integers are big-endian and have 32 bits.
#ifndef METASTEP_OPTIMIZEE_IDX_H_
#define METASTEP_OPTIMIZEE_IDX_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metastep {

// Values that an IDX file may have at most: five times MNIST's.
inline constexpr int64_t kMaxIdxValues = int64_t{256} << 20;

struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;  // row-major
};

// Reads an array of `rank` dimensions from `path`, or from `path`.gz if there
// is no such file; either may be gzip or plain. Errors, each with path,
// expected and found: NotFound; InvalidArgument: wrong magic number, more than
// kMaxIdxValues (nothing is allocated), truncated, damaged gzip, bytes after
// the values; Unavailable: the file cannot be opened or read.
absl::StatusOr<IdxArray> ReadIdx(const std::filesystem::path& path, int rank);

// Replaces `path` by an uncompressed file. Errors: Unavailable.
// REQUIRES: values are as many as the shape says.
absl::Status WriteIdx(const std::filesystem::path& path, const IdxArray& array);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_IDX_H_
