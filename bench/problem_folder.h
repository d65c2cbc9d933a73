// A problem as files, for the peers in other processes.
#ifndef METASTEP_BENCH_PROBLEM_FOLDER_H_
#define METASTEP_BENCH_PROBLEM_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "optimizer/recurrent_architecture.h"

namespace metastep {

// A temporary folder of one's own that goes when it is destroyed.
// Thread-compatible.
class ProblemFolder {
 public:
  // Errors: Unavailable.
  static absl::StatusOr<std::unique_ptr<ProblemFolder>> Make();
  ~ProblemFolder();
  ProblemFolder(const ProblemFolder&) = delete;
  ProblemFolder& operator=(const ProblemFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  // Writes `name`.f32, .u8 or .i64. Errors: Unavailable.
  absl::Status Write(absl::string_view name,
                     absl::Span<const float> values) const;
  absl::Status Write(absl::string_view name,
                     absl::Span<const uint8_t> values) const;
  absl::Status Write(absl::string_view name,
                     absl::Span<const int64_t> values) const;

  // Writes phi and problem.json, which holds `fields` and what the rule is made
  // of. REQUIRES: log-and-sign inputs. Errors: Unavailable.
  absl::Status WriteRule(const RecurrentArchitecture& architecture,
                         absl::Span<const float> phi,
                         nlohmann::json fields) const;

 private:
  explicit ProblemFolder(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path path_;
};

}  // namespace metastep

#endif  // METASTEP_BENCH_PROBLEM_FOLDER_H_
