// The features in which neural art compares images.
#ifndef METASTEP_OPTIMIZEE_TORCH_FEATURE_NETWORK_H_
#define METASTEP_OPTIMIZEE_TORCH_FEATURE_NETWORK_H_

#include <ATen/ATen.h>

#include <vector>

namespace metastep {

// A fixed convolutional network: 3 x 3 filters, CELU, and 2 x 2 average pooling
// before each layer but the first. CELU is a ReLU without its kink, at which
// the gradients of a loss would jump: second derivatives would miss that.
// Random filters see enough for textures (Ustyuzhaninov et al. 2016, "Texture
// synthesis using shallow convolutional networks with random filters").
// Immutable; thread-safe.
class FeatureNetwork {
 public:
  // Filters ~ N(0, 2 / inputs), which keeps the size of features from layer to
  // layer (He et al. 2015); the same in every process.
  static FeatureNetwork Random();

  // The features of each layer, [1, filters, side, side], of an image
  // [1, 3, side, side] with values around [0, 1].
  std::vector<at::Tensor> Features(const at::Tensor& image) const;

 private:
  std::vector<at::Tensor> filters_;  // [filters, inputs, 3, 3]
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_FEATURE_NETWORK_H_
