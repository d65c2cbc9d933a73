#include "optimizee/torch/feature_network.h"

#include <cmath>

#include "absl/types/span.h"
#include "base/rng.h"
#include "optimizee/image_file.h"

namespace metastep {
namespace {

constexpr int64_t kKernel = 3;
constexpr int64_t kFilters[] = {16, 32, 64};
constexpr size_t kContentLayer = 1;
// What the random network sees as nothing, and beyond an image's border.
constexpr double kGrey = 0.5;
// Of its units, about a feature's size, so that they are far from linear.
constexpr double kSoftness = 0.1;
// Part of what makes a run reproducible; do not change it.
constexpr uint64_t kSeed = 1;

}  // namespace

FeatureNetwork::FeatureNetwork(std::vector<FeatureLayer> layers,
                               at::Tensor mean, at::Tensor deviation,
                               double softness)
    : layers_(std::move(layers)),
      mean_(std::move(mean)),
      deviation_(std::move(deviation)),
      softness_(softness) {}

FeatureNetwork FeatureNetwork::Random() {
  std::vector<FeatureLayer> layers;
  Rng rng({.seed = kSeed, .stream = RngStream::kDataset});
  int64_t channels = kColors;
  for (const int64_t filters : kFilters) {
    const at::Tensor weight =
        at::empty({filters, channels, kKernel, kKernel}, at::kFloat);
    const auto inputs = static_cast<float>(channels * kKernel * kKernel);
    for (float& x : absl::MakeSpan(weight.data_ptr<float>(), weight.numel())) {
      x = std::sqrt(2 / inputs) * rng.Normal();
    }
    layers.push_back({.filters = weight,
                      .bias = {},
                      .pooled_input = !layers.empty(),
                      .style = true,
                      .content = layers.size() == kContentLayer});
    channels = filters;
  }
  return FeatureNetwork(std::move(layers),
                        at::full({1, kColors, 1, 1}, kGrey, at::kFloat),
                        at::ones({1, kColors, 1, 1}, at::kFloat), kSoftness);
}

Features FeatureNetwork::FeaturesOf(const at::Tensor& image) const {
  Features features;
  at::Tensor x = (image - mean_) / deviation_;
  for (const FeatureLayer& layer : layers_) {
    if (layer.pooled_input) x = at::avg_pool2d(x, /*kernel_size=*/2);
    x = at::conv2d(x, layer.filters, layer.bias, /*stride=*/1,
                   /*padding=*/kKernel / 2);
    x = softness_ > 0 ? at::celu(x, softness_) : at::relu(x);
    if (layer.style) features.style.push_back(x);
    if (layer.content) features.content = x;
  }
  return features;
}

}  // namespace metastep
