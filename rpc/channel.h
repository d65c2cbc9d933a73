// Client channels, made the same way everywhere.
#ifndef METASTEP_RPC_CHANNEL_H_
#define METASTEP_RPC_CHANNEL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace metastep {

// A channel to "host:port" with keepalive; it connects when first used. No
// retries of its own: one layer retries, RetryUnavailable.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

// Every call has a deadline.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace metastep

#endif  // METASTEP_RPC_CHANNEL_H_
