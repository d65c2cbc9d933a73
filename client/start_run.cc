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

// Of the runs under `id` and a number, the first that did not fail.
absl::StatusOr<v1::Run> CreateFirstGood(RunClient& runs,
                                        const v1::RunSpec& spec,
                                        absl::string_view id) {
  for (int attempt = 1;; ++attempt) {
    METASTEP_ASSIGN_OR_RETURN(
        v1::Run run,
        runs.Create(absl::StrCat("local-", id, "-", attempt), spec));
    const bool good =
        run.state() == v1::Run::RUNNING || run.state() == v1::Run::SUCCEEDED;
    if (good || attempt == kMaxAttempts) return run;
  }
}

}  // namespace

absl::StatusOr<v1::Run> CreateAnew(RunClient& runs, const v1::RunSpec& spec) {
  return runs.Create(RandomId(), spec);
}

absl::StatusOr<v1::Run> CreateOrResume(RunClient& runs,
                                       const v1::RunSpec& spec) {
  return CreateFirstGood(runs, spec, Sha256Hex(spec.SerializeAsString()));
}

absl::StatusOr<v1::Run> CreateOrResumeOfBuild(absl::string_view build,
                                              RunClient& runs,
                                              const v1::RunSpec& spec) {
  return CreateFirstGood(
      runs, spec,
      Sha256Hex(absl::StrCat(build, "\n", spec.SerializeAsString())));
}

}  // namespace metastep
