// A published model as a safetensors file: one float32 tensor for each weight
// matrix and bias of each rule ("lstm.layer0.weight", ...), which in the order
// of the rules make up phi, and the ModelInfo as JSON under "metastep" in the
// file's __metadata__. docs/model-format.md is normative.
#ifndef METASTEP_OPTIMIZER_MODEL_FILE_H_
#define METASTEP_OPTIMIZER_MODEL_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "metastep/v1/model.pb.h"
#include "optimizer/safetensors.h"

namespace metastep {

// Bytes that a model file may have at most.
inline constexpr int64_t kMaxModelBytes = 4 << 20;
// Meta-parameters that fit into it beside the longest header.
inline constexpr int64_t kMaxPhiSize =
    (kMaxModelBytes - kMaxSafetensorsHeaderBytes - 8) / sizeof(float);

struct Model {
  v1::ModelInfo info;
  std::vector<float> phi;
};

// SHA-256 of phi as little-endian float32, hexadecimal.
std::string PhiSha256(absl::Span<const float> phi);

// The file of a model. Fills in info's phi_size and phi_sha256; leaves its
// labels out. The same model gives the same bytes.
// REQUIRES: info.rules are resolved (run_spec.h), phi has their size and its
// values are finite.
std::string EncodeModel(const Model& model);

// Reads a model file strictly; its tensors may come in any order. The rules
// come out resolved, phi_size and phi_sha256 set. Errors: InvalidArgument,
// saying what was expected and what was found where.
absl::StatusOr<Model> DecodeModel(absl::string_view bytes);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_MODEL_FILE_H_
