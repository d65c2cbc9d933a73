// The closed set of ErrorInfo reasons, and how a status carries one.
#ifndef METASTEP_RPC_ERROR_REASON_H_
#define METASTEP_RPC_ERROR_REASON_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "metastep/v1/error.pb.h"

namespace metastep {

inline constexpr absl::string_view kReasonTensorSpec = "TENSOR_SPEC";
inline constexpr absl::string_view kReasonRuleSpec = "RULE_SPEC";
inline constexpr absl::string_view kReasonModelUnknown = "MODEL_UNKNOWN";
inline constexpr absl::string_view kReasonQuotaCoordinates =
    "QUOTA_COORDINATES";
inline constexpr absl::string_view kReasonQuotaBytes = "QUOTA_BYTES";
inline constexpr absl::string_view kReasonQuotaSessions = "QUOTA_SESSIONS";
inline constexpr absl::string_view kReasonQuotaSnapshots = "QUOTA_SNAPSHOTS";
inline constexpr absl::string_view kReasonSessionUnknown = "SESSION_UNKNOWN";
inline constexpr absl::string_view kReasonSnapshotUnknown = "SNAPSHOT_UNKNOWN";
inline constexpr absl::string_view kReasonSessionBusy = "SESSION_BUSY";
inline constexpr absl::string_view kReasonStepGap = "STEP_GAP";
inline constexpr absl::string_view kReasonStepTooLarge = "STEP_TOO_LARGE";
inline constexpr absl::string_view kReasonStepPreempted = "STEP_PREEMPTED";
inline constexpr absl::string_view kReasonGradientShape = "GRADIENT_SHAPE";
inline constexpr absl::string_view kReasonGradientNotFinite =
    "GRADIENT_NOT_FINITE";

// Attaches a reason and values to an error.
absl::Status WithReason(
    absl::Status status, absl::string_view reason,
    const std::vector<std::pair<std::string, std::string>>& metadata = {});

// The ErrorInfo of a status, if it has one.
std::optional<v1::ErrorInfo> GetErrorInfo(const absl::Status& status);

}  // namespace metastep

#endif  // METASTEP_RPC_ERROR_REASON_H_
