#include "client/spec_file.h"

#include <google/protobuf/text_format.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/user_file.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

// Specs are written by hand; a larger file is something else.
constexpr int64_t kMaxSpecBytes = 1 << 20;

// Puts `path` before every line of an error, where editors look for it.
absl::Status InFile(const std::string& path, absl::string_view separator,
                    const absl::Status& status) {
  const std::string prefix = absl::StrCat(path, separator);
  return absl::InvalidArgumentError(absl::StrCat(
      prefix, absl::StrReplaceAll(status.message(),
                                  {{"\n", absl::StrCat("\n", prefix)}})));
}

absl::Status Override(v1::RunSpec& spec, const std::string& text) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (!absl::StrContains(text, '=')) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--set ", text, ": expected field=value, e.g. training.rounds=100"));
  }
  const absl::Status set = SetField(spec, parts.first, parts.second);
  if (set.ok()) return set;
  return absl::InvalidArgumentError(absl::StrCat("--set ", set.message()));
}

}  // namespace

absl::StatusOr<v1::RunSpec> LoadRunSpec(
    const std::string& path, const std::vector<std::string>& overrides) {
  METASTEP_ASSIGN_OR_RETURN(const std::string text,
                            ReadUserFile(path, kMaxSpecBytes));
  absl::StatusOr<v1::RunSpec> spec = ParseRunSpec(text);
  if (!spec.ok()) return InFile(path, ":", spec.status());
  for (const std::string& override_text : overrides) {
    METASTEP_RETURN_IF_ERROR(Override(*spec, override_text));
  }
  absl::StatusOr<v1::RunSpec> resolved = ResolveRunSpec(*std::move(spec));
  if (!resolved.ok()) return InFile(path, ": ", resolved.status());
  return resolved;
}

std::string FormatRunSpec(const v1::RunSpec& spec) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(spec, &text);
  return text;
}

}  // namespace metastep
