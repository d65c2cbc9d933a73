#include "optimizee/torch/feature_network.h"

#include <cmath>

#include "absl/types/span.h"
#include "base/rng.h"

namespace metastep {
namespace {

constexpr int64_t kColors = 3;
constexpr int64_t kKernel = 3;
constexpr int64_t kFilters[] = {16, 32, 64};
// What the network sees as nothing, and beyond an image's border.
constexpr double kGrey = 0.5;
// Of the units, about a feature's size, so that they are far from linear.
constexpr double kSoftness = 0.1;
// Part of what makes a run reproducible; do not change it.
constexpr uint64_t kSeed = 1;

}  // namespace

FeatureNetwork FeatureNetwork::Random() {
  FeatureNetwork network;
  Rng rng({.seed = kSeed, .stream = RngStream::kDataset});
  int64_t channels = kColors;
  for (const int64_t filters : kFilters) {
    const at::Tensor weight =
        at::empty({filters, channels, kKernel, kKernel}, at::kFloat);
    const auto inputs = static_cast<float>(channels * kKernel * kKernel);
    for (float& x : absl::MakeSpan(weight.data_ptr<float>(), weight.numel())) {
      x = std::sqrt(2 / inputs) * rng.Normal();
    }
    network.filters_.push_back(weight);
    channels = filters;
  }
  return network;
}

std::vector<at::Tensor> FeatureNetwork::Features(
    const at::Tensor& image) const {
  std::vector<at::Tensor> features;
  at::Tensor x = image - kGrey;
  for (const at::Tensor& filters : filters_) {
    if (!features.empty()) x = at::avg_pool2d(x, /*kernel_size=*/2);
    x = at::celu(at::conv2d(x, filters, /*bias=*/{}, /*stride=*/1,
                            /*padding=*/kKernel / 2),
                 kSoftness);
    features.push_back(x);
  }
  return features;
}

}  // namespace metastep
