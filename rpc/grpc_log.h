// gRPC's own log lines.
#ifndef METASTEP_RPC_GRPC_LOG_H_
#define METASTEP_RPC_GRPC_LOG_H_

namespace metastep {

// Sends what gRPC logs, which by default are its errors, to LogLine: one format
// for all of standard error. Call it first in main().
void RouteGrpcLog();

}  // namespace metastep

#endif  // METASTEP_RPC_GRPC_LOG_H_
