// Tensor names and shapes between the wire and ParameterLayout.
#ifndef METASTEP_SERVER_TENSOR_SPECS_H_
#define METASTEP_SERVER_TENSOR_SPECS_H_

#include "absl/status/statusor.h"
#include "metastep/v1/step_service.pb.h"
#include "optimizer/parameter_layout.h"

namespace metastep {

using TensorSpecs = google::protobuf::RepeatedPtrField<v1::TensorSpec>;

// Errors: InvalidArgument (TENSOR_SPEC): those of ParameterLayout::Create, or
// more than 100000 tensors.
absl::StatusOr<ParameterLayout> ToLayout(const TensorSpecs& specs);

TensorSpecs ToTensorSpecs(const ParameterLayout& layout);

}  // namespace metastep

#endif  // METASTEP_SERVER_TENSOR_SPECS_H_
