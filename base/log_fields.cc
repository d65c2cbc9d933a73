#include "base/log_fields.h"

#include <algorithm>
#include <iterator>

namespace metastep {
namespace {

std::vector<LogField>& ThreadFields() {
  thread_local std::vector<LogField> fields;
  return fields;
}

}  // namespace

LogFields::LogFields(std::vector<LogField> fields) : count_(fields.size()) {
  std::move(fields.begin(), fields.end(), std::back_inserter(ThreadFields()));
}

LogFields::~LogFields() {
  ThreadFields().erase(ThreadFields().end() - static_cast<ptrdiff_t>(count_),
                       ThreadFields().end());
}

const std::vector<LogField>& LogFields::Current() { return ThreadFields(); }

}  // namespace metastep
