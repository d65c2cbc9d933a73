#include "bench/peers/libtorch_step.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/version.h>

#include <cmath>
#include <memory>
#include <utility>

namespace metastep {
namespace {

using at::Tensor;

Tensor Copy(absl::Span<const float> values, at::IntArrayRef shape) {
  return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat)
      .clone();
}

// One layer's weights, its gates in the order i, f, o, j: those of one
// nonlinearity side by side.
struct Layer {
  int64_t begin;  // its first row of Chunk::x
  int64_t inputs;
  int64_t units;
  Tensor weight;  // [4 * units, inputs + units]
  Tensor bias;    // [4 * units, 1]; that of f includes the forget bias
};

// Coordinates that are stepped together.
struct Chunk {
  Tensor gradient;        // [n]
  Tensor x;               // the inputs, then each layer's h; [rows, n]
  std::vector<Tensor> c;  // of each layer, [units, n]
  Tensor update;          // [1, n], of LibTorchStep::update_
};

// Not thread-safe.
class LibTorchStep {
 public:
  LibTorchStep(const RecurrentArchitecture& architecture,
               absl::Span<const float> phi, absl::Span<const float> gradient,
               int64_t chunk)
      : p_(architecture.stack.preprocessing.log_and_sign().p()),
        scale_(architecture.stack.output_scale) {
    const c10::InferenceMode no_autograd;
    const double forget_bias = architecture.spec.lstm().forget_bias();
    for (const CellLayer& layer : architecture.stack.layers) {
      layers_.push_back(MakeLayer(layer, forget_bias, phi));
    }
    const auto top = static_cast<int64_t>(architecture.stack.output_inputs);
    const auto output = static_cast<int64_t>(architecture.stack.output_phi);
    output_weight_ = Copy(phi.subspan(output, top), {1, top});
    output_bias_ = Copy(phi.subspan(output + top, 1), {1, 1});
    const auto n = static_cast<int64_t>(gradient.size());
    update_ = at::empty({1, n}, at::kFloat);
    for (int64_t begin = 0; begin < n; begin += chunk) {
      chunks_.push_back(MakeChunk(gradient.subspan(begin, chunk),
                                  update_.narrow(1, begin, chunk)));
    }
    gates_ = at::empty({layers_.back().weight.size(0), chunk}, at::kFloat);
    tanh_c_ = at::empty({layers_.back().units, chunk}, at::kFloat);
  }

  absl::Span<const float> Step() {
    const c10::InferenceMode no_autograd;
    for (Chunk& chunk : chunks_) {
      Preprocess(chunk);
      for (size_t i = 0; i < layers_.size(); ++i) Advance(i, chunk);
      const Layer& top = layers_.back();
      at::addmm_out(chunk.update, output_bias_, output_weight_,
                    chunk.x.narrow(0, top.begin + top.inputs, top.units));
      chunk.update.mul_(scale_);
    }
    return {update_.data_ptr<float>(), static_cast<size_t>(update_.numel())};
  }

 private:
  Layer MakeLayer(const CellLayer& layer, double forget_bias,
                  absl::Span<const float> phi) const {
    const CellProduct& product = layer.products[0];
    const auto rows = static_cast<int64_t>(product.depth);
    const auto columns = static_cast<int64_t>(product.columns());
    const auto units = static_cast<int64_t>(layer.units);
    const Tensor order = at::tensor({0, 2, 3, 1}, at::kLong);
    const Tensor weight =
        Copy(phi.subspan(product.phi, rows * columns), {rows, 4, units})
            .index_select(1, order)
            .reshape({rows, columns});
    Tensor bias =
        Copy(phi.subspan(product.phi + rows * columns, columns), {4, units})
            .index_select(0, order);
    bias[1].add_(forget_bias);
    const int64_t begin =
        layers_.empty() ? 0 : layers_.back().begin + layers_.back().inputs;
    return {begin, static_cast<int64_t>(layer.inputs), units,
            weight.t().contiguous(), bias.reshape({columns, 1})};
  }

  Chunk MakeChunk(absl::Span<const float> gradient, Tensor update) const {
    const auto n = static_cast<int64_t>(gradient.size());
    const Layer& top = layers_.back();
    Chunk chunk = {Copy(gradient, {n}),
                   at::zeros({top.begin + top.inputs + top.units, n}),
                   {},
                   std::move(update)};
    for (const Layer& layer : layers_) {
      chunk.c.push_back(at::zeros({layer.units, n}));
    }
    return chunk;
  }

  void Preprocess(Chunk& chunk) const {
    Tensor log = chunk.x[0];
    at::abs_out(log, chunk.gradient);
    log.add_(kLogEpsilon).log_().div_(p_).clamp_min_(-1);
    Tensor sign = chunk.x[1];
    at::mul_out(sign, chunk.gradient, at::scalar_tensor(std::exp(p_)));
    sign.clamp_(-1, 1);
  }

  void Advance(size_t i, Chunk& chunk) {
    const Layer& layer = layers_[i];
    const int64_t units = layer.units;
    at::addmm_out(gates_, layer.bias, layer.weight,
                  chunk.x.narrow(0, layer.begin, layer.inputs + units));
    gates_.narrow(0, 0, 3 * units).sigmoid_();
    gates_.narrow(0, 3 * units, units).tanh_();
    chunk.c[i]
        .mul_(gates_.narrow(0, units, units))
        .addcmul_(gates_.narrow(0, 0, units),
                  gates_.narrow(0, 3 * units, units));
    at::tanh_out(tanh_c_, chunk.c[i]);
    Tensor h = chunk.x.narrow(0, layer.begin + layer.inputs, units);
    at::mul_out(h, gates_.narrow(0, 2 * units, units), tanh_c_);
  }

  const double p_;
  const double scale_;
  std::vector<Layer> layers_;
  Tensor output_weight_;  // [1, units]
  Tensor output_bias_;    // [1, 1]
  Tensor update_;         // [1, N]
  std::vector<Chunk> chunks_;
  Tensor gates_;   // [4 * units, chunk]
  Tensor tanh_c_;  // [units, chunk]
};

}  // namespace

std::function<absl::Span<const float>()> MakeLibTorchStep(
    const RecurrentArchitecture& architecture, absl::Span<const float> phi,
    absl::Span<const float> gradient, int64_t chunk) {
  const auto step =
      std::make_shared<LibTorchStep>(architecture, phi, gradient, chunk);
  return [step] { return step->Step(); };
}

std::string LibTorchName() { return std::string("LibTorch ") + TORCH_VERSION; }

}  // namespace metastep
