#include "rpc/message_json.h"

#include <google/protobuf/util/json_util.h>

namespace metastep {

std::string MessageJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "null";
}

}  // namespace metastep
