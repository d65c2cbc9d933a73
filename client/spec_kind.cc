#include "client/spec_kind.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

namespace metastep {
namespace {

// The name of the field that is set in the message's only oneof.
std::string Alternative(const google::protobuf::Message& message,
                        const std::string& none) {
  const auto* field = message.GetReflection()->GetOneofFieldDescriptor(
      message, message.GetDescriptor()->oneof_decl(0));
  return field == nullptr ? none : std::string(field->name());
}

}  // namespace

std::string TaskKind(const v1::TaskSpec& task) {
  return Alternative(task, /*none=*/"task");
}

std::string RuleKind(const v1::ModelInfo& model) {
  if (model.rules().empty()) return "learned";
  return Alternative(model.rules(0).rule(), /*none=*/"learned");
}

std::string RuleKind(const v1::HandDesignedSpec& rule) {
  return Alternative(rule, /*none=*/"hand-designed");
}

}  // namespace metastep
