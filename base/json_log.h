// Log lines as JSON.
#ifndef METASTEP_BASE_JSON_LOG_H_
#define METASTEP_BASE_JSON_LOG_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/log_fields.h"

namespace metastep {

// An object on one line, without the newline:
//
//   {"time":"2026-01-31T12:00:00.250Z","severity":"WARNING",
//    "message":"...","run":"mnist-3f2a4b5c","shard":7}
//
// The time is UTC (RFC 3339). Bytes that are no UTF-8 become U+FFFD. Of fields
// of one name the last is written.
std::string JsonLogLine(absl::Time time, absl::string_view severity,
                        absl::string_view message,
                        const std::vector<LogField>& fields);

}  // namespace metastep

#endif  // METASTEP_BASE_JSON_LOG_H_
