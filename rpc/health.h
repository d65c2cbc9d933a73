// The client's side of grpc.health.v1.Health, the standard health service.
#ifndef METASTEP_RPC_HEALTH_H_
#define METASTEP_RPC_HEALTH_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace metastep {

// Ok if `service` (a full name; empty: the whole server) is SERVING.
// Errors: Unavailable: out of reach, or it serves no longer or not yet;
// DeadlineExceeded: no answer within `timeout`; NotFound: no such service.
absl::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel,
                         const std::string& service, absl::Duration timeout);

}  // namespace metastep

#endif  // METASTEP_RPC_HEALTH_H_
