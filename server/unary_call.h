// Answers of unary calls in gRPC's callback API: each call is finished once,
// here, with its status converted.
#ifndef METASTEP_SERVER_UNARY_CALL_H_
#define METASTEP_SERVER_UNARY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "absl/status/statusor.h"
#include "base/thread_pool.h"
#include "rpc/status_conversion.h"

namespace metastep {

// Writes a result into the response and ends the call. Call it once a call.
template <typename Response>
void FinishWith(grpc::ServerUnaryReactor* reactor,
                absl::StatusOr<Response> result, Response* response) {
  const grpc::Status status = ToGrpcStatus(result.status());
  if (result.ok()) *response = *std::move(result);
  reactor->Finish(status);
}

// Finishes with a result that is at hand.
template <typename Response>
grpc::ServerUnaryReactor* FinishUnary(grpc::CallbackServerContext* context,
                                      absl::StatusOr<Response> result,
                                      Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  FinishWith(reactor, std::move(result), response);
  return reactor;
}

// Computes the result on `pool` and then finishes, so that neither disk nor
// arithmetic holds up gRPC's own threads. `compute` returns a
// StatusOr<Response>; request and response live until the call is finished.
template <typename Response, typename Compute>
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context,
                                   ThreadPool& pool, Response* response,
                                   Compute compute) {
  // Asked for once: every call of DefaultReactor constructs it anew.
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  pool.Schedule([reactor, response, compute = std::move(compute)] {
    FinishWith<Response>(reactor, compute(), response);
  });
  return reactor;
}

}  // namespace metastep

#endif  // METASTEP_SERVER_UNARY_CALL_H_
