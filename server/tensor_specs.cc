#include "server/tensor_specs.h"

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "rpc/error_reason.h"

namespace metastep {
namespace {

constexpr int kMaxTensors = 100'000;

}  // namespace

absl::StatusOr<ParameterLayout> ToLayout(const TensorSpecs& specs) {
  if (specs.size() > kMaxTensors) {
    return WithReason(
        absl::InvalidArgumentError(absl::StrFormat(
            "%d tensors; a session has at most %d: join small ones",
            specs.size(), kMaxTensors)),
        kReasonTensorSpec);
  }
  std::vector<ParameterTensor> tensors;
  tensors.reserve(static_cast<size_t>(specs.size()));
  for (const v1::TensorSpec& spec : specs) {
    tensors.push_back({.name = spec.name(),
                       .shape = {spec.shape().begin(), spec.shape().end()}});
  }
  auto layout = ParameterLayout::Create(std::move(tensors));
  if (!layout.ok()) return WithReason(layout.status(), kReasonTensorSpec);
  return layout;
}

TensorSpecs ToTensorSpecs(const ParameterLayout& layout) {
  TensorSpecs specs;
  for (const ParameterTensor& tensor : layout.tensors()) {
    v1::TensorSpec& spec = *specs.Add();
    spec.set_name(tensor.name);
    spec.mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
  }
  return specs;
}

}  // namespace metastep
