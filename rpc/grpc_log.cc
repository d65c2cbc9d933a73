#include "rpc/grpc_log.h"

#include <grpc/support/log.h>

#include "absl/strings/str_cat.h"
#include "base/logging.h"

namespace metastep {
namespace {

LogLevel LevelOf(gpr_log_severity severity) {
  return severity == GPR_LOG_SEVERITY_ERROR ? LogLevel::kError
                                            : LogLevel::kInfo;
}

void Log(gpr_log_func_args* args) {
  LogLine(LevelOf(args->severity), absl::StrCat("gRPC: ", args->message));
}

}  // namespace

void RouteGrpcLog() { gpr_set_log_function(&Log); }

}  // namespace metastep
