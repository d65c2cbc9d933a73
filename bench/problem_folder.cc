#include "bench/problem_folder.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

template <typename T>
absl::Status WriteArray(const std::filesystem::path& path,
                        absl::Span<const T> values) {
  return WriteFileAtomically(
      path, absl::string_view(reinterpret_cast<const char*>(values.data()),
                              values.size() * sizeof(T)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProblemFolder>> ProblemFolder::Make() {
  std::string path =
      std::filesystem::temp_directory_path() / "metastep-bench-XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("cannot make ", path, ": ", std::strerror(errno)));
  }
  return std::unique_ptr<ProblemFolder>(new ProblemFolder(path));
}

ProblemFolder::~ProblemFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::Status ProblemFolder::Write(absl::string_view name,
                                  absl::Span<const float> values) const {
  return WriteArray(path_ / absl::StrCat(name, ".f32"), values);
}

absl::Status ProblemFolder::Write(absl::string_view name,
                                  absl::Span<const uint8_t> values) const {
  return WriteArray(path_ / absl::StrCat(name, ".u8"), values);
}

absl::Status ProblemFolder::Write(absl::string_view name,
                                  absl::Span<const int64_t> values) const {
  return WriteArray(path_ / absl::StrCat(name, ".i64"), values);
}

absl::Status ProblemFolder::WriteRule(const RecurrentArchitecture& architecture,
                                      absl::Span<const float> phi,
                                      nlohmann::json fields) const {
  std::vector<int64_t> units;
  for (const CellLayer& layer : architecture.stack.layers) {
    units.push_back(static_cast<int64_t>(layer.units));
  }
  fields["units"] = units;
  fields["log_and_sign_p"] =
      architecture.stack.preprocessing.log_and_sign().p();
  fields["output_scale"] = architecture.stack.output_scale;
  fields["forget_bias"] = architecture.spec.lstm().forget_bias();
  METASTEP_RETURN_IF_ERROR(Write("phi", phi));
  return WriteFileAtomically(path_ / "problem.json", fields.dump());
}

}  // namespace metastep
