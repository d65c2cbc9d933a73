#include "optimizer/model_file.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/digest.h"
#include "base/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "optimizer/rule_factory.h"
#include "optimizer/run_spec.h"
#include "optimizer/safetensors.h"
#include "optimizer/spec_fields.h"

namespace metastep {
namespace {

static_assert(std::endian::native == std::endian::little,
              "phi is little-endian in files and digests");

// The key of the ModelInfo in __metadata__.
constexpr char kInfoKey[] = "metastep";

using TensorsByName = std::map<absl::string_view, const SafetensorsTensor*>;

absl::string_view Bytes(absl::Span<const float> values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(float)};
}

template <typename... Parts>
absl::Status Malformed(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("model file: ", parts...));
}

std::string InfoToJson(const v1::ModelInfo& info) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for a timestamp out of range, which no clock shows.
  if (!MessageToJsonString(info, &json, options).ok()) std::abort();
  return json;
}

absl::StatusOr<v1::ModelInfo> ReadInfo(const Safetensors& file) {
  const auto json = file.metadata.find(kInfoKey);
  if (json == file.metadata.end()) {
    return Malformed("__metadata__ has no \"", kInfoKey, "\"");
  }
  v1::ModelInfo info;
  const auto status =
      google::protobuf::util::JsonStringToMessage(json->second, &info);
  if (!status.ok()) {
    return Malformed("\"", kInfoKey,
                     "\" is not a ModelInfo: ", Shown(status.ToString(), 200));
  }
  info.clear_labels();
  absl::StatusOr<RuleSpecs> rules = ResolveGroupRules(info.rules());
  if (!rules.ok()) return Malformed(rules.status().message());
  *info.mutable_rules() = *std::move(rules);
  return info;
}

// Appends the values of one tensor of phi.
absl::Status AppendTensor(const ParameterTensor& expected,
                          const TensorsByName& tensors,
                          std::vector<float>& phi) {
  const auto found = tensors.find(expected.name);
  if (found == tensors.end()) {
    return Malformed("there is no tensor \"", expected.name, "\"");
  }
  const SafetensorsTensor& tensor = *found->second;
  if (tensor.shape != expected.shape) {
    return Malformed("tensor \"", expected.name, "\" must have the shape [",
                     absl::StrJoin(expected.shape, ", "), "], has [",
                     Shown(absl::StrJoin(tensor.shape, ", ")), "]");
  }
  const size_t begin = phi.size();
  phi.resize(begin + tensor.data.size() / sizeof(float));
  std::memcpy(phi.data() + begin, tensor.data.data(), tensor.data.size());
  for (size_t i = begin; i < phi.size(); ++i) {
    if (std::isfinite(phi[i])) continue;
    return Malformed("tensor \"", expected.name, "\" must be finite; element ",
                     i - begin, " is ", phi[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> ReadPhi(const RuleSpecs& rules,
                                           const Safetensors& file) {
  TensorsByName tensors;
  for (const SafetensorsTensor& tensor : file.tensors) {
    tensors[tensor.name] = &tensor;
  }
  const std::vector<ParameterTensor> expected = PhiTensors(rules);
  std::vector<float> phi;
  for (const ParameterTensor& tensor : expected) {
    METASTEP_RETURN_IF_ERROR(AppendTensor(tensor, tensors, phi));
  }
  if (expected.size() != tensors.size()) {
    return Malformed("the rules have ", expected.size(), " tensors, the file ",
                     tensors.size());
  }
  return phi;
}

// Sets what follows from phi, or checks it where the file states it.
absl::Status FillPhiFacts(absl::Span<const float> phi, v1::ModelInfo& info) {
  const int64_t size = phi.size();
  if (info.phi_size() != 0 && info.phi_size() != size) {
    return Malformed("phi_size is ", info.phi_size(), "; the tensors have ",
                     size, " values");
  }
  const std::string sha256 = PhiSha256(phi);
  if (!info.phi_sha256().empty() && info.phi_sha256() != sha256) {
    return Malformed("phi_sha256 is ", Shown(info.phi_sha256()),
                     "; that of the tensors is ", sha256);
  }
  info.set_phi_size(size);
  info.set_phi_sha256(sha256);
  return absl::OkStatus();
}

}  // namespace

std::string PhiSha256(absl::Span<const float> phi) {
  return Sha256Hex(Bytes(phi));
}

std::string EncodeModel(const Model& model) {
  v1::ModelInfo info = model.info;
  info.clear_labels();
  info.set_phi_size(model.phi.size());
  info.set_phi_sha256(PhiSha256(model.phi));
  Safetensors file;
  file.metadata[kInfoKey] = InfoToJson(info);
  absl::Span<const float> rest = model.phi;
  for (ParameterTensor& tensor : PhiTensors(info.rules())) {
    size_t size = 1;
    for (const int64_t dimension : tensor.shape) size *= dimension;
    file.tensors.push_back({std::move(tensor.name), std::move(tensor.shape),
                            Bytes(rest.subspan(0, size))});
    rest.remove_prefix(size);
  }
  return WriteSafetensors(file);
}

absl::StatusOr<Model> DecodeModel(absl::string_view bytes) {
  if (bytes.size() > size_t{kMaxModelBytes}) {
    return Malformed("it has ", bytes.size(), " bytes; must have at most ",
                     kMaxModelBytes);
  }
  METASTEP_ASSIGN_OR_RETURN(const Safetensors file, ReadSafetensors(bytes));
  Model model;
  METASTEP_ASSIGN_OR_RETURN(model.info, ReadInfo(file));
  METASTEP_ASSIGN_OR_RETURN(model.phi, ReadPhi(model.info.rules(), file));
  METASTEP_RETURN_IF_ERROR(FillPhiFacts(model.phi, model.info));
  return model;
}

}  // namespace metastep
