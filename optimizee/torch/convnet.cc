#include "optimizee/torch/convnet.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizee/cifar.h"
#include "optimizee/shared_family.h"
#include "optimizee/torch/classifier_task.h"
#include "optimizee/torch/tensors.h"

namespace metastep {
namespace {

constexpr int64_t kKernel = 5;
constexpr int64_t kPadding = kKernel / 2;  // keeps the size
constexpr double kEpsilon = 1e-3;

// By the minibatch's moments, then shifted by beta.
at::Tensor Normalize(const at::Tensor& x, const at::Tensor& beta) {
  const at::Tensor none;
  // Without a scale LibTorch's double backward fails.
  const at::Tensor one = at::ones(beta.sizes());
  return at::batch_norm(x, /*weight=*/one, beta, /*running_mean=*/none,
                        /*running_var=*/none, /*training=*/true,
                        /*momentum=*/0, kEpsilon, /*cudnn_enabled=*/false);
}

// Pooling goes before the ReLU: the two commute, and it leaves a quarter.
at::Tensor ConvBlock(const at::Tensor& x, const at::Tensor* theta) {
  const at::Tensor y =
      at::conv2d(x, theta[0], theta[1], /*stride=*/1, kPadding);
  return at::relu(at::max_pool2d(Normalize(y, theta[2]), /*kernel_size=*/2));
}

// The logits [batch, classes]. With channels last a step takes 0.7 of the time:
// LibTorch's normalization and pooling are vectorized over channels alone.
at::Tensor Forward(size_t blocks, const Tensors& theta, at::Tensor x) {
  const at::Tensor* layer = theta.data();
  x = x.contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < blocks; ++i, layer += 3) x = ConvBlock(x, layer);
  x = x.flatten(/*start_dim=*/1);
  x = at::relu(Normalize(at::addmm(layer[1], x, layer[0]), layer[2]));
  layer += 3;
  return at::addmm(layer[1], x, layer[0]);
}

class ConvNetTask final : public ClassifierTask<v1::ConvNetSpec> {
 public:
  using ClassifierTask::ClassifierTask;

  absl::StatusOr<double> Evaluate(int64_t t, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    double value = 0;
    METASTEP_RETURN_IF_ERROR(CatchTorch([&] {
      const Tensors variables = VariablesOf(layout(), theta);
      const at::Tensor loss = Loss(t, variables);
      CopyInto(torch::autograd::grad({loss}, variables), layout(), gradient);
      value = loss.item<double>();
    }));
    return value;
  }

  absl::Status HessianVectorProduct(int64_t t, absl::Span<const float> theta,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    return CatchTorch([&] {
      const Tensors variables = VariablesOf(layout(), theta);
      DoubleBackward(Loss(t, variables), variables, layout(), vector, product);
    });
  }

 private:
  // The mean cross-entropy over step t's minibatch.
  at::Tensor Loss(int64_t t, const Tensors& variables) const {
    const Minibatch batch = Draw(t);
    const auto blocks = static_cast<size_t>(spec().channels_size());
    return at::cross_entropy_loss(Forward(blocks, variables, batch.inputs),
                                  batch.labels);
  }
};

// Weight, bias and beta of each layer but the last, which has no beta.
ParameterLayout LayoutOf(const v1::ConvNetSpec& spec) {
  std::vector<ParameterTensor> tensors;
  const auto add = [&](const std::string& layer, std::vector<int64_t> weight,
                       int64_t units) {
    tensors.push_back({layer + ".weight", std::move(weight)});
    tensors.push_back({layer + ".bias", {units}});
    tensors.push_back({layer + ".beta", {units}});
  };
  int64_t channels = kCifarChannels;
  int64_t side = kCifarSide;
  for (int i = 0; i < spec.channels_size(); ++i) {
    const int64_t filters = spec.channels(i);
    add(absl::StrCat("conv", i), {filters, channels, kKernel, kKernel},
        filters);
    channels = filters;
    side /= 2;
  }
  add("fc0", {channels * side * side, spec.hidden()}, spec.hidden());
  add("fc1", {spec.hidden(), spec.labels_size()}, spec.labels_size());
  tensors.pop_back();  // the logits are not normalized
  return ParameterLayout::Create(std::move(tensors)).value();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeConvNetFamily(
    const v1::ConvNetSpec& spec, const std::filesystem::path& data_dir) {
  const std::filesystem::path folder = data_dir / spec.dataset();
  METASTEP_ASSIGN_OR_RETURN(ImageDataset data, ReadCifar(folder));
  data = OfLabels(data, spec.labels());
  METASTEP_ASSIGN_OR_RETURN(
      Minibatches images,
      Minibatches::Create(std::move(data),
                          {kCifarChannels, kCifarSide, kCifarSide}, folder));
  return std::make_unique<
      const SharedFamily<ConvNetTask, Classifier<v1::ConvNetSpec>>>(
      Classifier<v1::ConvNetSpec>{
          .spec = spec, .layout = LayoutOf(spec), .images = std::move(images)});
}

}  // namespace metastep
