// The trained feature network of Gatys et al.: VGG's convolutions.
#ifndef METASTEP_OPTIMIZEE_TORCH_VGG_H_
#define METASTEP_OPTIMIZEE_TORCH_VGG_H_

#include <filesystem>

#include "absl/status/statusor.h"
#include "optimizee/torch/feature_network.h"

namespace metastep {

// VGG's file with its classifier, which is not used, has 575 MB.
inline constexpr int64_t kMaxVggFileBytes = 1 << 30;

// Reads the convolutions of a VGG-16 or VGG-19 (Simonyan and Zisserman 2014) as
// torchvision names them, "features.0.weight" [filters, inputs, 3, 3] and
// "features.0.bias" [filters] and so on, from a safetensors file of float32;
// which of the two it is, the names say. A layer's filters may be fewer than
// VGG's: 1 to 512. Everything after conv5_1 is left out. Contents are compared
// in conv4_2, styles in conv1_1, conv2_1, conv3_1, conv4_1 and conv5_1; pooling
// is by average (all as in Gatys et al. 2015, "A neural algorithm of artistic
// style", section "Methods"). Images are normalised as torchvision does.
// Errors, each with the path: those of ReadFile and ReadSafetensors;
// InvalidArgument, before memory for the network is taken: a tensor is missing
// or of the wrong shape; Internal: LibTorch fails.
absl::StatusOr<FeatureNetwork> ReadVgg(const std::filesystem::path& path);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_VGG_H_
