#include "client/model_name.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

bool AllDigits(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

}  // namespace

absl::StatusOr<v1::ModelRef> ParseModelRef(absl::string_view text) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('@', 1));
  METASTEP_RETURN_IF_ERROR(CheckName("model name", parts.first));
  v1::ModelRef ref;
  ref.set_name(parts.first);
  if (!absl::StrContains(text, '@')) return ref;
  if (!AllDigits(parts.second) || parts.second.empty()) {
    METASTEP_RETURN_IF_ERROR(CheckName("model label", parts.second));
    ref.set_label(parts.second);
    return ref;
  }
  int64_t version = 0;
  if (!absl::SimpleAtoi(parts.second, &version) || version < 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model version \"", parts.second, "\" is not from 1 to 2^63 - 1"));
  }
  ref.set_version(version);
  return ref;
}

std::string ModelName(const v1::ModelInfo& info) {
  return absl::StrCat(info.name(), "@", info.version());
}

v1::ModelRef PinnedRef(const v1::ModelInfo& info) {
  v1::ModelRef ref;
  ref.set_name(info.name());
  ref.set_version(info.version());
  return ref;
}

}  // namespace metastep
