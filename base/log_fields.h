// What the lines that a thread logs are about.
#ifndef METASTEP_BASE_LOG_FIELDS_H_
#define METASTEP_BASE_LOG_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

namespace metastep {

// One of "run", "round", "shard", "worker", "session" and "request_id", with
// the id or number.
struct LogField {
  LogField(absl::string_view field_name, std::string text)
      : name(field_name), value(std::move(text)) {}
  LogField(absl::string_view field_name, int64_t number)
      : name(field_name), value(number) {}

  absl::string_view name;  // a literal
  std::variant<std::string, int64_t> value;
};

// Adds fields to every line that this thread logs until the end of the scope:
//
//   const LogFields fields{{"run", lease.run_id()}, {"shard", shard}};
//
// Scopes nest, and the innermost wins where a name repeats. Work that is handed
// to another thread takes no fields along. To be used as a local variable only.
class LogFields {
 public:
  LogFields(std::initializer_list<LogField> fields)
      : LogFields(std::vector<LogField>(fields)) {}
  explicit LogFields(std::vector<LogField> fields);
  ~LogFields();
  LogFields(const LogFields&) = delete;
  LogFields& operator=(const LogFields&) = delete;

  // Those of this thread, outermost first.
  static const std::vector<LogField>& Current();

 private:
  const size_t count_;
};

}  // namespace metastep

#endif  // METASTEP_BASE_LOG_FIELDS_H_
