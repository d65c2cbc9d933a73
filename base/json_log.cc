#include "base/json_log.h"

#include <nlohmann/json.hpp>
#include <variant>

namespace metastep {

std::string JsonLogLine(absl::Time time, absl::string_view severity,
                        absl::string_view message,
                        const std::vector<LogField>& fields) {
  using Json = nlohmann::ordered_json;
  Json line;
  line["time"] =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
  line["severity"] = std::string(severity);
  line["message"] = std::string(message);
  for (const LogField& field : fields) {
    std::visit(
        [&](const auto& value) { line[std::string(field.name)] = value; },
        field.value);
  }
  return line.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                   Json::error_handler_t::replace);
}

}  // namespace metastep
