// One unary call: with a deadline, retried while the server is out of reach.
#ifndef METASTEP_CLIENT_UNARY_CALL_H_
#define METASTEP_CLIENT_UNARY_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/status_conversion.h"

namespace metastep {

struct UnaryCallOptions {
  // Deadline of one attempt.
  absl::Duration timeout = absl::Seconds(30);
  RetryOptions retry;
  // As in RetryUnavailable. Required.
  std::function<bool(absl::Duration)> sleep;
};

// Calls `method` of `stub`. REQUIRES: the call may be retried.
// Errors: the server's, with their ErrorInfo; Unavailable.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> CallUnary(
    const UnaryCallOptions& options, Stub& stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const Request& request) {
  Response response;
  METASTEP_RETURN_IF_ERROR(RetryUnavailable(options.retry, options.sleep, [&] {
    grpc::ClientContext context;
    SetTimeout(context, options.timeout);
    return OutOfReachIsUnavailable(
        FromGrpcStatus((stub.*method)(&context, request, &response)));
  }));
  return response;
}

}  // namespace metastep

#endif  // METASTEP_CLIENT_UNARY_CALL_H_
