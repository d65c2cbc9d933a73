#include "base/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "base/json_log.h"
#include "base/log_fields.h"

namespace metastep {
namespace {

constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%e %L %v";

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

absl::string_view Severity(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
  }
  return "ERROR";
}

std::atomic<bool> as_json = false;

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("metastep");
    made->set_pattern(kTextPattern);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

}  // namespace

void SetLogFormat(LogFormat format) {
  as_json = format == LogFormat::kJson;
  Logger().set_pattern(as_json ? "%v" : kTextPattern);
}

void LogLine(LogLevel level, absl::string_view line) {
  std::string json;
  if (as_json) {
    json =
        JsonLogLine(absl::Now(), Severity(level), line, LogFields::Current());
    line = json;
  }
  Logger().log(ToSpdlog(level),
               spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace metastep
