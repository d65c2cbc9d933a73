#ifndef METASTEP_TESTS_RPC_REASON_OF_H_
#define METASTEP_TESTS_RPC_REASON_OF_H_

#include <string>

#include "absl/status/status.h"
#include "rpc/error_reason.h"

namespace metastep {

// The reason that the error carries for programs; "none" without one.
inline std::string ReasonOf(const absl::Status& status) {
  const auto info = GetErrorInfo(status);
  return info ? info->reason() : "none";
}

}  // namespace metastep

#endif  // METASTEP_TESTS_RPC_REASON_OF_H_
