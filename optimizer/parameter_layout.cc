#include "optimizer/parameter_layout.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

constexpr size_t kMaxNameLength = 256;
constexpr size_t kMaxRank = 8;
constexpr int64_t kMaxCoordinates = int64_t{1} << 62;

absl::Status CheckTensorName(size_t index, absl::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameLength) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrFormat(
      "tensor %d has a name of %d characters; it must have 1 to %d", index,
      name.size(), kMaxNameLength));
}

// The number of coordinates of `tensor`, of which `room` are left.
absl::StatusOr<int64_t> Coordinates(const ParameterTensor& tensor,
                                    int64_t room) {
  if (tensor.shape.size() > kMaxRank) {
    return absl::InvalidArgumentError(
        absl::StrFormat("tensor \"%s\" has %d dimensions; the limit is %d",
                        tensor.name, tensor.shape.size(), kMaxRank));
  }
  const auto too_many = [&] {
    return absl::InvalidArgumentError(absl::StrFormat(
        "tensor \"%s\" brings the coordinates above 2^62", tensor.name));
  };
  if (room < 1) return too_many();
  int64_t coordinates = 1;
  for (int64_t extent : tensor.shape) {
    if (extent < 1) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "tensor \"%s\" has a dimension of %d; each must be at least 1",
          tensor.name, extent));
    }
    if (extent > room / coordinates) return too_many();
    coordinates *= extent;
  }
  return coordinates;
}

}  // namespace

absl::StatusOr<ParameterLayout> ParameterLayout::Create(
    std::vector<ParameterTensor> tensors) {
  if (tensors.empty()) {
    return absl::InvalidArgumentError("no tensors; give at least one");
  }
  absl::flat_hash_set<absl::string_view> names;
  std::vector<int64_t> begins = {0};
  for (const ParameterTensor& tensor : tensors) {
    METASTEP_RETURN_IF_ERROR(CheckTensorName(begins.size() - 1, tensor.name));
    if (!names.insert(tensor.name).second) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "two tensors are named \"%s\"; names must differ", tensor.name));
    }
    METASTEP_ASSIGN_OR_RETURN(
        const int64_t coordinates,
        Coordinates(tensor, kMaxCoordinates - begins.back()));
    begins.push_back(begins.back() + coordinates);
  }
  return ParameterLayout(std::move(tensors), std::move(begins));
}

CoordinatePlace ParameterLayout::Place(int64_t coordinate) const {
  const auto next =
      std::upper_bound(begins_.begin(), begins_.end(), coordinate);
  const size_t tensor = next - begins_.begin() - 1;
  return {tensors_[tensor].name, coordinate - begins_[tensor]};
}

}  // namespace metastep
