// Messages as JSON documents.
#ifndef METASTEP_RPC_MESSAGE_JSON_H_
#define METASTEP_RPC_MESSAGE_JSON_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace metastep {

// The message in protobuf's JSON form, with the fields' names as they are in
// the .proto files.
std::string MessageJson(const google::protobuf::Message& message);

// An array of messages.
template <typename Message>
std::string MessagesJson(const std::vector<Message>& messages) {
  std::string json = "[";
  for (const Message& message : messages) {
    if (json.size() > 1) json += ",";
    json += "\n" + MessageJson(message);
  }
  return json + "]\n";
}

}  // namespace metastep

#endif  // METASTEP_RPC_MESSAGE_JSON_H_
