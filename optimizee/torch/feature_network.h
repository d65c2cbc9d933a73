// The features in which neural art compares images.
#ifndef METASTEP_OPTIMIZEE_TORCH_FEATURE_NETWORK_H_
#define METASTEP_OPTIMIZEE_TORCH_FEATURE_NETWORK_H_

#include <ATen/ATen.h>

#include <utility>
#include <vector>

namespace metastep {

// A convolution with 3 x 3 filters.
struct FeatureLayer {
  at::Tensor filters;  // [filters, inputs, 3, 3]
  at::Tensor bias;     // [filters], or undefined: none
  bool pooled_input = false;
  bool style = false;    // whether styles are compared in it
  bool content = false;  // likewise contents; true of one layer
};

// What an image looks like to the network; of a layer, [1, filters, side,
// side].
struct Features {
  std::vector<at::Tensor> style;
  at::Tensor content;
};

// A fixed convolutional network with 2 x 2 average pooling before some layers.
// Immutable; thread-safe.
class FeatureNetwork {
 public:
  // An image's pixels less `mean` and over `deviation`, [1, 3, 1, 1], are the
  // first layer's input. The activation is ReLU or, with softness > 0, CELU: a
  // ReLU without its kink.
  FeatureNetwork(std::vector<FeatureLayer> layers, at::Tensor mean,
                 at::Tensor deviation, double softness);

  // Three layers with filters ~ N(0, 2 / inputs), which keeps the size of
  // features from layer to layer (He et al. 2015); the same in every process.
  // CELU, because at a ReLU's kinks the gradients of a loss would jump: second
  // derivatives would miss that. Random filters see enough for textures
  // (Ustyuzhaninov et al. 2016, "Texture synthesis using shallow convolutional
  // networks with random filters").
  static FeatureNetwork Random();

  // Of an image [1, 3, side, side] with values around [0, 1].
  Features FeaturesOf(const at::Tensor& image) const;

 private:
  std::vector<FeatureLayer> layers_;
  at::Tensor mean_;
  at::Tensor deviation_;
  double softness_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_FEATURE_NETWORK_H_
