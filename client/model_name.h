// How people write model versions: name, name@version or name@label.
#ifndef METASTEP_CLIENT_MODEL_NAME_H_
#define METASTEP_CLIENT_MODEL_NAME_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metastep/v1/model.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Reads a REF; what follows the '@' is a version if it is all digits. Errors:
// InvalidArgument, with the REF and what is wrong with it.
absl::StatusOr<v1::ModelRef> ParseModelRef(absl::string_view text);

// "name@version".
std::string ModelName(const v1::ModelInfo& info);

// Names exactly this version.
v1::ModelRef PinnedRef(const v1::ModelInfo& info);

}  // namespace metastep

#endif  // METASTEP_CLIENT_MODEL_NAME_H_
