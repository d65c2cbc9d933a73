// The seam to the logging library (spdlog: functions, so nothing clashes with
// the LOG and CHECK macros that LibTorch's headers define).
#ifndef METASTEP_BASE_LOGGING_H_
#define METASTEP_BASE_LOGGING_H_

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"

namespace metastep {

enum class LogLevel { kInfo, kWarning, kError };

// kText is for people: time and text. kJson is for log collectors: JsonLogLine,
// with the thread's LogFields.
enum class LogFormat { kText, kJson };

// For all lines from now on; kText until then. Call it first in main().
void SetLogFormat(LogFormat format);

// Writes one line to standard error. Thread-safe.
void LogLine(LogLevel level, absl::string_view line);

// printf-style, checked at compile time.
template <typename... Args>
void LogInfo(const absl::FormatSpec<Args...>& format, const Args&... args) {
  LogLine(LogLevel::kInfo, absl::StrFormat(format, args...));
}
template <typename... Args>
void LogWarning(const absl::FormatSpec<Args...>& format, const Args&... args) {
  LogLine(LogLevel::kWarning, absl::StrFormat(format, args...));
}
template <typename... Args>
void LogError(const absl::FormatSpec<Args...>& format, const Args&... args) {
  LogLine(LogLevel::kError, absl::StrFormat(format, args...));
}

}  // namespace metastep

#endif  // METASTEP_BASE_LOGGING_H_
