// The ways in which a command makes a run of a spec.
#ifndef METASTEP_CLIENT_START_RUN_H_
#define METASTEP_CLIENT_START_RUN_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/service_clients.h"
#include "metastep/v1/run_service.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// A new run, whatever there is. Errors: RunClient::Create's.
absl::StatusOr<v1::Run> CreateAnew(RunClient& runs, const v1::RunSpec& spec);

// Creates the run, or finds the unfinished or finished one that an earlier call
// with the same spec left in the server's state. One that failed or was
// cancelled is not gone back to. Errors: as above.
absl::StatusOr<v1::Run> CreateOrResume(RunClient& runs,
                                       const v1::RunSpec& spec);

// As CreateOrResume, but goes back only to runs that the same build started:
// figures are published under a build's name.
absl::StatusOr<v1::Run> CreateOrResumeOfBuild(absl::string_view build,
                                              RunClient& runs,
                                              const v1::RunSpec& spec);

}  // namespace metastep

#endif  // METASTEP_CLIENT_START_RUN_H_
