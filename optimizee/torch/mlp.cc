#include "optimizee/torch/mlp.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizee/image_dataset.h"

namespace metastep {
namespace {

using Activation = v1::MlpSpec::Activation;

// What all tasks of a family share. Immutable.
struct Shared {
  v1::MlpSpec spec;
  ParameterLayout layout;
  at::Tensor pixels;  // uint8 [images, inputs]
  at::Tensor labels;  // int64 [images]
};

struct Minibatch {
  at::Tensor inputs;  // [batch, inputs], in [0, 1]
  at::Tensor labels;  // [batch]
};

// The tensors of a vector [N] in the layout, sharing its memory: weight and
// bias of each layer in turn.
using Tensors = std::vector<at::Tensor>;

Tensors TensorsOf(const ParameterLayout& layout, absl::Span<float> vector) {
  Tensors tensors;
  for (size_t i = 0; i < layout.tensors().size(); ++i) {
    tensors.push_back(at::from_blob(vector.data() + layout.begin(i),
                                    layout.tensors()[i].shape, at::kFloat));
  }
  return tensors;
}

// LibTorch has no tensor of constants; nobody may write to these.
Tensors TensorsOf(const ParameterLayout& layout,
                  absl::Span<const float> vector) {
  return TensorsOf(
      layout, absl::MakeSpan(const_cast<float*>(vector.data()), vector.size()));
}

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

// Runs `body`; what LibTorch throws becomes an error.
template <typename Body>
absl::Status CatchTorch(const Body& body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::exception& e) {
    return absl::InternalError(absl::StrCat("LibTorch failed: ", e.what()));
  }
}

class MlpTask final : public Task {
 public:
  MlpTask(std::shared_ptr<const Shared> shared, const RngKey& key)
      : shared_(std::move(shared)), key_(key) {}

  const ParameterLayout& layout() const override { return shared_->layout; }

  void InitialTheta(absl::Span<float> theta) const override {
    Rng rng(key_);
    const auto stddev = static_cast<float>(shared_->spec.initial_stddev());
    for (float& x : theta) x = stddev * rng.Normal();
  }

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

  // The gradient of gradient . vector, by double backward.
  absl::Status HessianVectorProduct(int64_t t, absl::Span<const float> theta,
                                    absl::Span<const float> vector,
                                    absl::Span<float> product) override {
    return CatchTorch([&] {
      const Minibatch batch = Draw(t);
      const Tensors parameters = TensorsOf(layout(), theta);
      for (const at::Tensor& tensor : parameters) tensor.requires_grad_();
      const Tensors values = Forward(activation(), parameters, batch.inputs);
      const Tensors gradients = torch::autograd::grad(
          {at::nll_loss(values.back(), batch.labels)}, parameters,
          /*grad_outputs=*/{}, /*retain_graph=*/true, /*create_graph=*/true);
      const Tensors products = torch::autograd::grad(
          gradients, parameters, TensorsOf(layout(), vector));
      Tensors out = TensorsOf(layout(), product);
      for (size_t i = 0; i < out.size(); ++i) out[i].copy_(products[i]);
    });
  }

 private:
  Activation activation() const { return shared_->spec.activation(); }

  Minibatch Draw(int64_t t) const {
    const int64_t images = shared_->labels.size(0);
    const bool training = key_.stream == RngStream::kTraining;
    const int64_t begin = training ? 0 : images / 2;
    const int64_t end = training ? images / 2 : images;
    RngKey key = key_;
    key.step = static_cast<uint64_t>(t) + 1;
    Rng rng(key);
    const at::Tensor rows = at::empty({shared_->spec.batch_size()}, at::kLong);
    for (int64_t& row :
         absl::MakeSpan(rows.data_ptr<int64_t>(), rows.numel())) {
      row = begin + rng.Below(static_cast<uint32_t>(end - begin));
    }
    return {shared_->pixels.index_select(0, rows).to(at::kFloat).div_(255),
            shared_->labels.index_select(0, rows)};
  }

  const std::shared_ptr<const Shared> shared_;
  const RngKey key_;
};

class MlpFamily final : public TaskFamily {
 public:
  explicit MlpFamily(std::shared_ptr<const Shared> shared)
      : shared_(std::move(shared)) {}

  std::unique_ptr<Task> Make(const RngKey& key) const override {
    return std::make_unique<MlpTask>(shared_, key);
  }

 private:
  const std::shared_ptr<const Shared> shared_;
};

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

// A tensor with a copy of the bytes.
at::Tensor ToTensor(std::vector<uint8_t>& bytes, at::IntArrayRef shape) {
  return at::from_blob(bytes.data(), shape, at::kByte).clone();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeMlpFamily(
    const v1::MlpSpec& spec, const std::filesystem::path& data_dir) {
  const std::filesystem::path folder = data_dir / spec.dataset();
  METASTEP_ASSIGN_OR_RETURN(ImageDataset data,
                            ReadImageDataset(folder, kTrainingSplit));
  if (data.images < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder.string(),
                     ": expected at least 2 training images, one for each "
                     "half of the set, found 1"));
  }
  const int64_t inputs = data.rows * data.columns;
  std::shared_ptr<const Shared> shared;
  METASTEP_RETURN_IF_ERROR(CatchTorch([&] {
    shared = std::make_shared<const Shared>(
        Shared{.spec = spec,
               .layout = LayoutOf(spec, inputs),
               .pixels = ToTensor(data.pixels, {data.images, inputs}),
               .labels = ToTensor(data.labels, {data.images}).to(at::kLong)});
  }));
  return std::make_unique<const MlpFamily>(std::move(shared));
}

}  // namespace metastep
