// A gRPC server with what every server of ours has: health, reflection, limits.
#ifndef METASTEP_RPC_SERVER_HOST_H_
#define METASTEP_RPC_SERVER_HOST_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rpc/message_limit.h"

namespace metastep {

struct ServerHostOptions {
  // "host:port"; port 0 takes a free one.
  std::string listen = "127.0.0.1:0";
  int max_message_bytes = kMaxMessageBytes;
  bool reflection = true;
};

// A service and its full name, its generated service_full_name().
struct HostedService {
  std::string full_name;
  grpc::Service* service;
};

// Runs from Start to destruction. Thread-safe.
class ServerHost {
 public:
  // Serves `services`, which must outlive it. Health is SERVING for each of
  // them by its full name, and for "".
  // Errors: Unavailable: the address cannot be bound (it is in the message).
  static absl::StatusOr<std::unique_ptr<ServerHost>> Start(
      const ServerHostOptions& options,
      const std::vector<HostedService>& services);
  ~ServerHost();

  // The port that is bound.
  int port() const { return port_; }

  // Turns health to NOT_SERVING, refuses new calls, and lets those in flight
  // finish within `grace`; then cancels them.
  void Drain(absl::Duration grace);

 private:
  ServerHost(std::unique_ptr<grpc::Server> server, int port)
      : server_(std::move(server)), port_(port) {}

  const std::unique_ptr<grpc::Server> server_;
  const int port_;
};

}  // namespace metastep

#endif  // METASTEP_RPC_SERVER_HOST_H_
