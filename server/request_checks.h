// Checks of the request fields that several services share, and answers.
#ifndef METASTEP_SERVER_REQUEST_CHECKS_H_
#define METASTEP_SERVER_REQUEST_CHECKS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

// OK for 1 to 128 characters. `what` names the field in the message.
absl::Status CheckId(absl::string_view what, absl::string_view id);

// The page size that was asked for, `standard` for 0. Errors: InvalidArgument:
// negative or above `limit`.
absl::StatusOr<int> PageSize(int asked, int standard, int limit);

// The position in a page token that is a decimal number, 0 for an empty one.
// Errors: InvalidArgument.
absl::StatusOr<int64_t> PageStart(absl::string_view token);

// A page ends early past so many bytes, far below the message limit: what it
// lists may carry run specs of 64 KiB each.
inline constexpr size_t kMaxPageBytes = 1 << 20;

// The error of a page token that no response gave.
absl::Status BadPageToken(absl::string_view token);

// The error of a call that ends because the server does.
absl::Status ServerStops();

}  // namespace metastep

#endif  // METASTEP_SERVER_REQUEST_CHECKS_H_
