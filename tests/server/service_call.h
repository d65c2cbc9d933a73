// One unary call of a service in this process.
#ifndef METASTEP_TESTS_SERVER_SERVICE_CALL_H_
#define METASTEP_TESTS_SERVER_SERVICE_CALL_H_

#include <grpcpp/client_context.h>

#include "absl/status/statusor.h"
#include "rpc/channel.h"
#include "rpc/status_conversion.h"

namespace metastep {

template <typename Stub, typename Response, typename Request>
absl::StatusOr<Response> CallService(
    Stub& stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request) {
  grpc::ClientContext context;
  SetTimeout(context, absl::Seconds(30));
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

}  // namespace metastep

#endif  // METASTEP_TESTS_SERVER_SERVICE_CALL_H_
