// Following a run to its end.
#ifndef METASTEP_CLIENT_WATCH_RUN_H_
#define METASTEP_CLIENT_WATCH_RUN_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/progress.h"
#include "client/service_clients.h"
#include "metastep/v1/run_service.pb.h"

namespace metastep {

// Shows the run's progress until it ends. Errors: Aborted: it failed or was
// cancelled, with the reason; those of RunClient::Watch.
absl::StatusOr<v1::Run> WatchToEnd(RunClient& runs, const std::string& run_id,
                                   ProgressLine& progress);

}  // namespace metastep

#endif  // METASTEP_CLIENT_WATCH_RUN_H_
