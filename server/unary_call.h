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

// Finishes with a result that is at hand.
template <typename Response>
grpc::ServerUnaryReactor* FinishUnary(grpc::CallbackServerContext* context,
                                      absl::StatusOr<Response> result,
                                      Response* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (result.ok()) *response = *std::move(result);
  reactor->Finish(ToGrpcStatus(result.status()));
  return reactor;
}

// Computes the result on `pool` and then finishes, so that neither disk nor
// arithmetic holds up gRPC's own threads. `compute` returns a
// StatusOr<Response>; request and response live until the call is finished.
template <typename Response, typename Compute>
grpc::ServerUnaryReactor* RunUnary(grpc::CallbackServerContext* context,
                                   ThreadPool& pool, Response* response,
                                   Compute compute) {
  pool.Schedule([context, response, compute = std::move(compute)] {
    FinishUnary<Response>(context, compute(), response);
  });
  return context->DefaultReactor();
}

}  // namespace metastep

#endif  // METASTEP_SERVER_UNARY_CALL_H_
