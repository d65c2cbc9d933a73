// What a learned rule's stack of cells is made of, and where its parts stand in
// phi and in the state: shared by the kernel, its reference and the model file.
//
// phi holds layer after layer, then the output. A layer has the weights of its
// products one after another, each followed by its bias, if it has one, as one
// more row. A weight is [operands, columns], row-major; columns are gates, each
// of `units`.
//   LSTM: rows take the layer's inputs x, then its own previous output h; the
//     gates are i, j (the candidate), f, o. This is the layout of the reference
//     implementation (Sonnet 1).
//   GRU: "gates", from x and h to r and z; "candidate", from x to W x + b;
//     "recurrent", from h to U h + c.
//   LMU: "encoder", from x, h and m to u; from x and h to h's pre-activation;
//     "memory", from m after the step, which adds to it. The first and the last
//     have no bias.
// The output's weight is [inputs], its bias [1].
//
// A coordinate's state is that of the preprocessing (preprocessing.h), then
// that of each layer: h [units], and after it c [units] of an LSTM or m [order]
// of an LMU.
#ifndef METASTEP_OPTIMIZER_RECURRENT_ARCHITECTURE_H_
#define METASTEP_OPTIMIZER_RECURRENT_ARCHITECTURE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "base/rng.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/cell_stack.h"
#include "optimizer/parameter_layout.h"

namespace metastep {

struct RecurrentArchitecture {
  v1::LearnedRuleSpec spec;
  CellStack stack;
};

// REQUIRES: the spec is resolved (run_spec.h).
RecurrentArchitecture MakeRecurrentArchitecture(
    const v1::LearnedRuleSpec& spec);

// The tensors of phi in their order, their names beginning with `prefix`:
// "<prefix>.layer0.weight", "<prefix>.layer0.bias", ...,
// "<prefix>.output.bias".
std::vector<ParameterTensor> PhiTensors(
    const RecurrentArchitecture& architecture, absl::string_view prefix);

// Draws phi [phi_size] in order, as the spec's initialization describes.
std::vector<float> InitialPhi(const RecurrentArchitecture& architecture,
                              Rng& rng);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_RECURRENT_ARCHITECTURE_H_
