// What a coordinate-wise LSTM is made of, and where its parts stand in phi and
// in the state: shared by the kernel, its reference and the model file.
//
// phi holds layer after layer, then the output. A layer's weight is
// [inputs + units, 4 * units], row-major: rows take the layer's inputs and then
// its own previous output h; columns are the gates i, j (the candidate), f, o,
// each of `units`. Its bias [4 * units] follows at once, as one more row. This
// is the layout of the reference implementation (Sonnet 1). The output's weight
// is [inputs], its bias [1].
//
// A coordinate's state is that of the preprocessing (preprocessing.h), then
// that of each layer: h [units], then c [units].
#ifndef METASTEP_OPTIMIZER_LSTM_ARCHITECTURE_H_
#define METASTEP_OPTIMIZER_LSTM_ARCHITECTURE_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/rng.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/parameter_layout.h"

namespace metastep {

struct LstmLayer {
  int64_t inputs;
  int64_t units;
  int64_t phi;    // where its weight begins in phi
  int64_t state;  // its first state variable

  int64_t gates() const { return 4 * units; }
};

struct LstmArchitecture {
  v1::Preprocessing preprocessing;
  double output_scale = 1;
  double forget_bias = 1;
  std::vector<LstmLayer> layers;
  int64_t output_inputs = 0;    // rows of the output's weight
  int64_t output_phi = 0;       // where the output's weight begins in phi
  int64_t phi_size = 0;         // floats
  int64_t state_variables = 0;  // for each coordinate
};

// REQUIRES: the spec is resolved (run_spec.h).
LstmArchitecture MakeLstmArchitecture(const v1::LstmSpec& spec);

// The tensors of phi in their order, their names beginning with `prefix`:
// "<prefix>.layer0.weight", "<prefix>.layer0.bias", ...,
// "<prefix>.output.bias".
std::vector<ParameterTensor> LstmPhiTensors(
    const LstmArchitecture& architecture, absl::string_view prefix);

// Draws phi [phi_size] in order, as LstmSpec.Initialization describes.
std::vector<float> InitialLstmPhi(const LstmArchitecture& architecture,
                                  v1::LstmSpec::Initialization initialization,
                                  Rng& rng);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_LSTM_ARCHITECTURE_H_
