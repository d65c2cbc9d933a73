#include "optimizer/recurrent_architecture.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "optimizer/preprocessing.h"

namespace metastep {
namespace {

// f(spec of the cell); all of them have the fields of GruSpec.
template <class F>
auto WithCell(const v1::LearnedRuleSpec& spec, const F& f) {
  switch (spec.cell_case()) {
    case v1::LearnedRuleSpec::kGru:
      return f(spec.gru());
    case v1::LearnedRuleSpec::kLmu:
      return f(spec.lmu());
    default:
      return f(spec.lstm());
  }
}

// A layer by itself: its places in phi and in the state are yet to be set.
CellLayer MakeLayer(const v1::LstmSpec& /*spec*/, size_t inputs, size_t units) {
  CellLayer layer = {.inputs = inputs,
                     .units = units,
                     .variables = 2 * units,
                     .own_rows = 5 * units};
  layer.products = {{.name = "",
                     .in = 0,
                     .depth = inputs + units,
                     .out = layer.own(),
                     .units = units,
                     .gates = 4}};
  return layer;
}

CellLayer MakeLayer(const v1::GruSpec& /*spec*/, size_t inputs, size_t units) {
  CellLayer layer = {.inputs = inputs,
                     .units = units,
                     .variables = units,
                     .own_rows = 4 * units};
  layer.products = {{.name = "gates",
                     .in = 0,
                     .depth = inputs + units,
                     .out = layer.own(),
                     .units = units,
                     .gates = 2},
                    {.name = "candidate",
                     .in = 0,
                     .depth = inputs,
                     .out = layer.own() + 2 * units,
                     .units = units,
                     .gates = 1},
                    {.name = "recurrent",
                     .in = inputs,
                     .depth = units,
                     .out = layer.own() + 3 * units,
                     .units = units,
                     .gates = 1}};
  return layer;
}

CellLayer MakeLayer(const v1::LmuSpec& spec, size_t inputs, size_t units) {
  const auto order = static_cast<size_t>(spec.memory_order());
  CellLayer layer = {.inputs = inputs,
                     .units = units,
                     .variables = units + order,
                     .own_rows = 1 + order + units};
  const size_t u = layer.own(), m = u + 1, hidden = m + order;
  layer.products = {{.name = "encoder",
                     .in = 0,
                     .depth = inputs + units + order,
                     .out = u,
                     .units = 1,
                     .gates = 1,
                     .base = CellProduct::Base::kZero},
                    {.name = "",
                     .in = 0,
                     .depth = inputs + units,
                     .out = hidden,
                     .units = units,
                     .gates = 1},
                    {.name = "memory",
                     .in = m,
                     .depth = order,
                     .out = hidden,
                     .units = units,
                     .gates = 1,
                     .base = CellProduct::Base::kRows,
                     .after = units},
                    {.name = nullptr,  // A
                     .in = inputs + units,
                     .depth = order,
                     .out = m,
                     .units = order,
                     .gates = 1,
                     .base = CellProduct::Base::kZero,
                     .learned = false}};
  return layer;
}

// Sets the layer's places behind all others'.
void Append(CellLayer layer, CellStack& stack) {
  for (CellProduct& product : layer.products) {
    if (!product.learned) continue;
    product.phi = stack.phi_size;
    stack.phi_size += product.phi_floats();
  }
  layer.state = stack.state_variables;
  stack.state_variables += layer.variables;
  stack.layers.push_back(std::move(layer));
}

template <class Spec>
CellStack MakeStack(const Spec& spec) {
  CellStack stack;
  stack.preprocessing = spec.preprocessing();
  stack.output_scale = spec.output_scale();
  stack.state_variables = stack.preprocessing_variables();
  size_t inputs = stack.inputs();
  for (const int32_t units : spec.hidden()) {
    Append(MakeLayer(spec, inputs, units), stack);
    inputs = units;
  }
  stack.output_inputs = inputs;
  stack.output_phi = stack.phi_size;
  stack.phi_size += inputs + 1;
  for (CellLayer& layer : stack.layers) {  // which share their constants
    for (CellProduct& product : layer.products) {
      if (!product.learned) product.phi = stack.phi_size;
    }
  }
  return stack;
}

// Draws numbers one after another. Not thread-safe.
class Draws {
 public:
  explicit Draws(Rng& rng) : rng_(rng) {}

  void TruncatedNormal(size_t count, float stddev) {
    for (size_t i = 0; i < count; ++i) {
      drawn_.push_back(stddev * rng_.TruncatedNormal());
    }
  }
  void Uniform(size_t count, float bound) {
    for (size_t i = 0; i < count; ++i) {
      drawn_.push_back(bound * (2 * rng_.Uniform() - 1));
    }
  }
  void Zeros(size_t count) { drawn_.resize(drawn_.size() + count); }

  std::vector<float> drawn() && { return std::move(drawn_); }

 private:
  Rng& rng_;
  std::vector<float> drawn_;
};

float OneOverRoot(size_t count) {
  return 1 / std::sqrt(static_cast<float>(count));
}

template <class Spec>
void DrawLayer(const Spec& /*spec*/, const CellLayer& layer, Draws& draws) {
  for (const CellProduct& product : layer.products) {
    draws.TruncatedNormal(product.phi_floats(),
                          OneOverRoot(layer.inputs + layer.units));
  }
}

// The encoder's vectors are LeCun's uniform, that of m zero, and W's parts
// Xavier's normal, as in the paper; but the normal is cut, as with other cells.
void DrawLayer(const v1::LmuSpec& spec, const CellLayer& layer, Draws& draws) {
  const auto order = static_cast<size_t>(spec.memory_order());
  const auto lecun = [&draws](size_t count) {
    draws.Uniform(count, std::sqrt(3.0f) * OneOverRoot(count));
  };
  const auto xavier = [&](size_t rows) {
    draws.TruncatedNormal(rows * layer.units,
                          std::sqrt(2.0f) * OneOverRoot(rows + layer.units));
  };
  lecun(layer.inputs);
  lecun(layer.units);
  draws.Zeros(order);
  xavier(layer.inputs);
  xavier(layer.units);
  draws.Zeros(layer.units);
  xavier(order);
}

}  // namespace

RecurrentArchitecture MakeRecurrentArchitecture(
    const v1::LearnedRuleSpec& spec) {
  return {spec,
          WithCell(spec, [](const auto& cell) { return MakeStack(cell); })};
}

std::vector<ParameterTensor> PhiTensors(
    const RecurrentArchitecture& architecture, absl::string_view prefix) {
  std::vector<ParameterTensor> tensors;
  const auto add = [&](absl::string_view of, absl::string_view name,
                       std::vector<int64_t> shape) {
    tensors.push_back({absl::StrCat(prefix, ".", of, name), std::move(shape)});
  };
  const CellStack& stack = architecture.stack;
  for (size_t i = 0; i < stack.layers.size(); ++i) {
    for (const CellProduct& product : stack.layers[i].products) {
      if (!product.learned) continue;
      const std::string of =
          absl::StrCat("layer", i, ".", product.name, *product.name ? "." : "");
      const auto columns = static_cast<int64_t>(product.columns());
      add(of, "weight", {static_cast<int64_t>(product.depth), columns});
      if (product.base == CellProduct::Base::kBias) add(of, "bias", {columns});
    }
  }
  add("output.", "weight", {static_cast<int64_t>(stack.output_inputs)});
  add("output.", "bias", {1});
  return tensors;
}

std::vector<float> InitialPhi(const RecurrentArchitecture& architecture,
                              Rng& rng) {
  const CellStack& stack = architecture.stack;
  if (WithCell(architecture.spec, [](const auto& cell) {
        return cell.initialization() == v1::LstmSpec::ZEROS;
      })) {
    return std::vector<float>(stack.phi_size);
  }
  Draws draws(rng);
  WithCell(architecture.spec, [&](const auto& cell) {
    for (const CellLayer& layer : stack.layers) DrawLayer(cell, layer, draws);
  });
  draws.TruncatedNormal(stack.output_inputs, OneOverRoot(stack.output_inputs));
  draws.Zeros(1);
  return std::move(draws).drawn();
}

}  // namespace metastep
