#include "client/start_run.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

// Failures of one spec that are kept in one state folder before the command
// shows the last instead of trying again.
constexpr int kMaxAttempts = 1000;

}  // namespace

absl::StatusOr<v1::Run> CreateAnew(RunClient& runs, const v1::RunSpec& spec) {
  return runs.Create(RandomId(), spec);
}

absl::StatusOr<v1::Run> CreateOrResume(RunClient& runs,
                                       const v1::RunSpec& spec) {
  const std::string id = Sha256Hex(spec.SerializeAsString());
  for (int attempt = 1;; ++attempt) {
    METASTEP_ASSIGN_OR_RETURN(
        v1::Run run,
        runs.Create(absl::StrCat("local-", id, "-", attempt), spec));
    const bool good =
        run.state() == v1::Run::RUNNING || run.state() == v1::Run::SUCCEEDED;
    if (good || attempt == kMaxAttempts) return run;
  }
}

}  // namespace metastep
