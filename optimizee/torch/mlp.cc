#include "optimizee/torch/mlp.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizee/image_dataset.h"
#include "optimizee/shared_family.h"
#include "optimizee/torch/classifier_task.h"
#include "optimizee/torch/tensors.h"

namespace metastep {
namespace {

using Activation = v1::MlpSpec::Activation;

at::Tensor Activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case v1::MlpSpec::RELU:
      return x.relu();
    case v1::MlpSpec::TANH:
      return x.tanh();
    default:
      return x.sigmoid();
  }
}

// df/dx from df/dy and y = Activate(x).
at::Tensor ActivationBackward(Activation activation, const at::Tensor& df_dy,
                              const at::Tensor& y) {
  switch (activation) {
    case v1::MlpSpec::RELU:
      return at::threshold_backward(df_dy, y, 0);
    case v1::MlpSpec::TANH:
      return at::tanh_backward(df_dy, y);
    default:
      return at::sigmoid_backward(df_dy, y);
  }
}

// The input of each layer, and last the logarithms of the classes'
// probabilities [batch, classes].
Tensors Forward(Activation activation, const Tensors& theta,
                const at::Tensor& inputs) {
  Tensors values = {inputs};
  for (size_t i = 0; i < theta.size(); i += 2) {
    const at::Tensor x = at::addmm(theta[i + 1], values.back(), theta[i]);
    values.push_back(i + 2 < theta.size() ? Activate(activation, x)
                                          : at::log_softmax(x, /*dim=*/1));
  }
  return values;
}

// Writes the gradient of the mean cross-entropy. By hand: autograd would take
// longer to record and walk its graph than these small products take.
void Backward(Activation activation, const Tensors& theta,
              const Tensors& values, const at::Tensor& labels,
              Tensors& gradient) {
  // df/dlogits = (softmax - one-hot label) / batch
  at::Tensor delta =
      (values.back().exp() - at::one_hot(labels, kImageClasses)) /
      labels.size(0);
  for (size_t layer = theta.size() / 2; layer-- > 0;) {
    at::mm_out(gradient[2 * layer], values[layer].t(), delta);
    at::sum_out(gradient[2 * layer + 1], delta, /*dim=*/0);
    if (layer == 0) return;
    delta = ActivationBackward(activation, delta.mm(theta[2 * layer].t()),
                               values[layer]);
  }
}

class MlpTask final : public ClassifierTask<v1::MlpSpec> {
 public:
  using ClassifierTask::ClassifierTask;

  absl::StatusOr<double> Evaluate(int64_t t, absl::Span<const float> theta,
                                  absl::Span<float> gradient) override {
    double loss = 0;
    METASTEP_RETURN_IF_ERROR(CatchTorch([&] {
      const c10::InferenceMode no_autograd;
      const Minibatch batch = Draw(t);
      const Tensors parameters = TensorsOf(layout(), theta);
      const Tensors values = Forward(activation(), parameters, batch.inputs);
      Tensors gradients = TensorsOf(layout(), gradient);
      Backward(activation(), parameters, values, batch.labels, gradients);
      loss = at::nll_loss(values.back(), batch.labels).item<double>();
    }));
    return loss;
  }

  absl::Status HessianVectorProduct(int64_t t, absl::Span<const float> theta,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    return CatchTorch([&] {
      const Minibatch batch = Draw(t);
      const Tensors parameters = VariablesOf(layout(), theta);
      const Tensors values = Forward(activation(), parameters, batch.inputs);
      DoubleBackward(at::nll_loss(values.back(), batch.labels), parameters,
                     layout(), vector, product);
    });
  }

 private:
  Activation activation() const { return spec().activation(); }
};

// Weight and bias of each layer in turn.
ParameterLayout LayoutOf(const v1::MlpSpec& spec, int64_t inputs) {
  std::vector<int64_t> widths(spec.hidden().begin(), spec.hidden().end());
  widths.push_back(kImageClasses);
  std::vector<ParameterTensor> tensors;
  for (size_t i = 0; i < widths.size(); ++i) {
    tensors.push_back(
        {absl::StrCat("layer", i, ".weight"), {inputs, widths[i]}});
    tensors.push_back({absl::StrCat("layer", i, ".bias"), {widths[i]}});
    inputs = widths[i];
  }
  return ParameterLayout::Create(std::move(tensors)).value();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeMlpFamily(
    const v1::MlpSpec& spec, const std::filesystem::path& data_dir) {
  const std::filesystem::path folder = data_dir / spec.dataset();
  METASTEP_ASSIGN_OR_RETURN(ImageDataset data,
                            ReadImageDataset(folder, kTrainingSplit));
  const int64_t inputs = data.rows * data.columns;
  METASTEP_ASSIGN_OR_RETURN(
      Minibatches images,
      Minibatches::Create(std::move(data), {inputs}, folder));
  return std::make_unique<const SharedFamily<MlpTask, Classifier<v1::MlpSpec>>>(
      Classifier<v1::MlpSpec>{.spec = spec,
                              .layout = LayoutOf(spec, inputs),
                              .images = std::move(images)});
}

}  // namespace metastep
