#include "rpc/health.h"

#include <google/protobuf/wrappers.pb.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/codegen/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/impl/codegen/rpc_method.h>

#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "rpc/channel.h"
#include "rpc/status_conversion.h"

namespace metastep {
namespace {

// Debian ships no generated code for the health service's messages, but these
// are the same on the wire: a string, and an enum that is 1 when SERVING.
using HealthCheckRequest = google::protobuf::StringValue;
using HealthCheckResponse = google::protobuf::Int32Value;
constexpr int kServing = 1;

}  // namespace

absl::Status CheckHealth(const std::shared_ptr<grpc::Channel>& channel,
                         const std::string& service, absl::Duration timeout) {
  static const grpc::internal::RpcMethod kCheck(
      "/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  HealthCheckRequest request;
  request.set_value(service);
  HealthCheckResponse response;
  grpc::ClientContext context;
  SetTimeout(context, timeout);
  METASTEP_RETURN_IF_ERROR(FromGrpcStatus(grpc::internal::BlockingUnaryCall(
      channel.get(), kCheck, &context, request, &response)));
  if (response.value() == kServing) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrFormat("%s is not serving",
                      service.empty() ? "the server" : "\"" + service + "\""));
}

}  // namespace metastep
