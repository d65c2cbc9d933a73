#include "rpc/server_host.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace metastep {
namespace {

// Below the clients' keepalive of 30 s, so that their pings are not refused.
constexpr int kMinPingIntervalMillis = 20'000;

}  // namespace

absl::StatusOr<std::unique_ptr<ServerHost>> ServerHost::Start(
    const ServerHostOptions& options,
    const std::vector<HostedService>& services) {
  grpc::EnableDefaultHealthCheckService(true);
  if (options.reflection)
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(),
                           &port);
  // Without it two servers would share a port and split each other's calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kMinPingIntervalMillis);
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.SetMaxSendMessageSize(options.max_message_bytes);
  for (const HostedService& hosted : services) {
    builder.RegisterService(hosted.service);
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", options.listen,
        "; is the port taken, or the address not this machine's?"));
  }
  // Health knows no service by itself, only the server as a whole.
  for (const HostedService& hosted : services) {
    server->GetHealthCheckService()->SetServingStatus(hosted.full_name, true);
  }
  return std::unique_ptr<ServerHost>(new ServerHost(std::move(server), port));
}

ServerHost::~ServerHost() { Drain(absl::ZeroDuration()); }

void ServerHost::Drain(absl::Duration grace) {
  server_->GetHealthCheckService()->SetServingStatus(false);
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
}

}  // namespace metastep
