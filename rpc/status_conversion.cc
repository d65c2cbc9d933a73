#include "rpc/status_conversion.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "metastep/v1/error.pb.h"

namespace metastep {
namespace {

#define METASTEP_SAME_CODE(grpc_code, absl_code)                 \
  static_assert(static_cast<int>(grpc::StatusCode::grpc_code) == \
                static_cast<int>(absl::StatusCode::absl_code))
METASTEP_SAME_CODE(OK, kOk);
METASTEP_SAME_CODE(CANCELLED, kCancelled);
METASTEP_SAME_CODE(UNKNOWN, kUnknown);
METASTEP_SAME_CODE(INVALID_ARGUMENT, kInvalidArgument);
METASTEP_SAME_CODE(DEADLINE_EXCEEDED, kDeadlineExceeded);
METASTEP_SAME_CODE(NOT_FOUND, kNotFound);
METASTEP_SAME_CODE(ALREADY_EXISTS, kAlreadyExists);
METASTEP_SAME_CODE(PERMISSION_DENIED, kPermissionDenied);
METASTEP_SAME_CODE(RESOURCE_EXHAUSTED, kResourceExhausted);
METASTEP_SAME_CODE(FAILED_PRECONDITION, kFailedPrecondition);
METASTEP_SAME_CODE(ABORTED, kAborted);
METASTEP_SAME_CODE(OUT_OF_RANGE, kOutOfRange);
METASTEP_SAME_CODE(UNIMPLEMENTED, kUnimplemented);
METASTEP_SAME_CODE(INTERNAL, kInternal);
METASTEP_SAME_CODE(UNAVAILABLE, kUnavailable);
METASTEP_SAME_CODE(DATA_LOSS, kDataLoss);
METASTEP_SAME_CODE(UNAUTHENTICATED, kUnauthenticated);
#undef METASTEP_SAME_CODE

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  v1::RpcStatus details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    auto* any = details.add_details();
    any->set_type_url(std::string(url));
    any->set_value(std::string(payload));
  });
  return grpc::Status(
      static_cast<grpc::StatusCode>(status.code()),
      std::string(status.message()),
      details.details().empty() ? std::string() : details.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  absl::Status converted(static_cast<absl::StatusCode>(status.error_code()),
                         status.error_message());
  v1::RpcStatus details;
  if (status.ok() || !details.ParseFromString(status.error_details())) {
    return converted;
  }
  for (const auto& any : details.details()) {
    converted.SetPayload(any.type_url(), absl::Cord(any.value()));
  }
  return converted;
}

}  // namespace metastep
