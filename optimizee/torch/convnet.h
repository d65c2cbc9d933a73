// The convolutional network's task family, on LibTorch. No LibTorch header is
// needed to include this one.
#ifndef METASTEP_OPTIMIZEE_TORCH_CONVNET_H_
#define METASTEP_OPTIMIZEE_TORCH_CONVNET_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// Image classifiers with softmax cross-entropy (Andrychowicz et al., section
// 3.3; the reference implementation's `cifar10`) on the training batches of
// <data_dir>/<spec.dataset>, those of spec.labels alone. Minibatches are drawn
// as the multilayer perceptron's are.
//
// Tensors: "conv0.weight" [filters, channels, 5, 5], "conv0.bias" and
// "conv0.beta" [filters] of each block; "fc0.weight" [inputs, units],
// "fc0.bias", "fc0.beta" [units]; "fc1.weight" [units, classes], "fc1.bias".
// beta is batch normalization's shift, of which there is no scale; it
// normalizes by the minibatch's own moments, epsilon 1e-3.
// REQUIRES: spec is resolved. Errors: those of ReadCifar; InvalidArgument: a
// single image.
absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeConvNetFamily(
    const v1::ConvNetSpec& spec, const std::filesystem::path& data_dir);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_CONVNET_H_
