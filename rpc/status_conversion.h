// Between absl::Status, which the code returns, and grpc::Status, which
// travels. Payloads (ErrorInfo) survive both ways.
#ifndef METASTEP_RPC_STATUS_CONVERSION_H_
#define METASTEP_RPC_STATUS_CONVERSION_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace metastep {

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace metastep

#endif  // METASTEP_RPC_STATUS_CONVERSION_H_
