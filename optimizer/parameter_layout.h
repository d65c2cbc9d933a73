// Names and shapes of the tensors that make up an optimizee's parameters, in
// the order in which their coordinates are laid out in theta.
#ifndef METASTEP_OPTIMIZER_PARAMETER_LAYOUT_H_
#define METASTEP_OPTIMIZER_PARAMETER_LAYOUT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace metastep {

// One parameter tensor, row-major.
struct ParameterTensor {
  std::string name;            // unique, 1 to 256 characters
  std::vector<int64_t> shape;  // each at least 1, at most 8; empty is a scalar
};

// Where one coordinate of theta stands.
struct CoordinatePlace {
  std::string tensor;
  int64_t offset;  // into the tensor, row-major
};

// Immutable; thread-safe.
class ParameterLayout {
 public:
  // Errors: InvalidArgument, naming the tensor: no tensors, a bad or repeated
  // name, a bad shape, or over 2^62 coordinates. Allocates nothing that grows
  // with the shapes.
  static absl::StatusOr<ParameterLayout> Create(
      std::vector<ParameterTensor> tensors);

  const std::vector<ParameterTensor>& tensors() const { return tensors_; }
  // Coordinates of tensor i are [begin(i), begin(i + 1)).
  int64_t begin(size_t i) const { return begins_[i]; }
  // N, over all tensors.
  int64_t coordinates() const { return begins_.back(); }
  // REQUIRES: 0 <= coordinate < coordinates().
  CoordinatePlace Place(int64_t coordinate) const;

 private:
  ParameterLayout(std::vector<ParameterTensor> tensors,
                  std::vector<int64_t> begins)
      : tensors_(std::move(tensors)), begins_(std::move(begins)) {}

  std::vector<ParameterTensor> tensors_;
  std::vector<int64_t> begins_;  // [tensors + 1]
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_PARAMETER_LAYOUT_H_
