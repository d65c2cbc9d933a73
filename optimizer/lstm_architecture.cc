#include "optimizer/lstm_architecture.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "optimizer/preprocessing.h"

namespace metastep {

LstmArchitecture MakeLstmArchitecture(const v1::LstmSpec& spec) {
  LstmArchitecture made;
  made.preprocessing = spec.preprocessing();
  made.output_scale = spec.output_scale();
  made.forget_bias = spec.forget_bias();
  made.state_variables = PreprocessingVariables(spec.preprocessing());
  int64_t inputs = PreprocessedInputs(spec.preprocessing());
  for (int64_t units : spec.hidden()) {
    made.layers.push_back({inputs, units, made.phi_size, made.state_variables});
    made.phi_size += (inputs + units + 1) * 4 * units;
    made.state_variables += 2 * units;
    inputs = units;
  }
  made.output_inputs = inputs;
  made.output_phi = made.phi_size;
  made.phi_size += inputs + 1;
  return made;
}

std::vector<ParameterTensor> LstmPhiTensors(
    const LstmArchitecture& architecture, absl::string_view prefix) {
  std::vector<ParameterTensor> tensors;
  for (size_t i = 0; i < architecture.layers.size(); ++i) {
    const LstmLayer& layer = architecture.layers[i];
    const std::string name = absl::StrCat(prefix, ".layer", i);
    tensors.push_back({absl::StrCat(name, ".weight"),
                       {layer.inputs + layer.units, layer.gates()}});
    tensors.push_back({absl::StrCat(name, ".bias"), {layer.gates()}});
  }
  tensors.push_back(
      {absl::StrCat(prefix, ".output.weight"), {architecture.output_inputs}});
  tensors.push_back({absl::StrCat(prefix, ".output.bias"), {1}});
  return tensors;
}

std::vector<float> InitialLstmPhi(const LstmArchitecture& architecture,
                                  v1::LstmSpec::Initialization initialization,
                                  Rng& rng) {
  std::vector<float> phi;
  if (initialization == v1::LstmSpec::ZEROS) {
    phi.resize(architecture.phi_size);
    return phi;
  }
  phi.reserve(architecture.phi_size);
  const auto draw = [&phi, &rng](int64_t count, int64_t fan_in) {
    const float stddev = 1 / std::sqrt(static_cast<float>(fan_in));
    for (int64_t i = 0; i < count; ++i) {
      phi.push_back(stddev * rng.TruncatedNormal());
    }
  };
  for (const LstmLayer& layer : architecture.layers) {
    const int64_t rows = layer.inputs + layer.units;
    draw((rows + 1) * layer.gates(), rows);
  }
  draw(architecture.output_inputs, architecture.output_inputs);
  phi.push_back(0);
  return phi;
}

}  // namespace metastep
