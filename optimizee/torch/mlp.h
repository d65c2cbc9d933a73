// The multilayer perceptron's task family, on LibTorch. No LibTorch header is
// needed to include this one.
#ifndef METASTEP_OPTIMIZEE_TORCH_MLP_H_
#define METASTEP_OPTIMIZEE_TORCH_MLP_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// Image classifiers with softmax cross-entropy (Andrychowicz et al., section
// 3.2) on the training split of <data_dir>/<spec.dataset>. Tensors, from the
// pixels to the ten classes: "layer0.weight" [inputs, units], "layer0.bias"
// [units], "layer1.weight", ... Minibatches are drawn with replacement, for
// training keys from the first half of the images, else from the second.
// REQUIRES: spec is resolved. Errors: those of ReadImageDataset;
// InvalidArgument: a single image.
absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeMlpFamily(
    const v1::MlpSpec& spec, const std::filesystem::path& data_dir);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_MLP_H_
