// Run specs as text: the whole of one, or one field by its path.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Keeps what the parser complains of. Not thread-safe.
class ProblemCollector final : public google::protobuf::io::ErrorCollector {
 public:
  struct Problem {
    int line;    // from 1
    int column;  // from 1
    std::string message;
  };

  // The parser counts from 0.
  void AddError(int line, int column, const std::string& message) override {
    problems_.push_back({line + 1, column + 1, message});
  }
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

// One part of a dotted path: `name` or `name[index]`.
struct PathPart {
  std::string name;
  int index = -1;  // -1: none was given
};

absl::StatusOr<PathPart> ParsePathPart(absl::string_view text) {
  PathPart part;
  const size_t bracket = text.find('[');
  part.name = std::string(text.substr(0, bracket));
  if (bracket == absl::string_view::npos) return part;
  absl::string_view digits = text.substr(bracket + 1);
  if (!absl::ConsumeSuffix(&digits, "]") ||
      !absl::SimpleAtoi(digits, &part.index) || part.index < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\": expected field[0]"));
  }
  return part;
}

// The field that a part names, if its index fits: an element that exists or the
// place after the last one.
absl::StatusOr<const FieldDescriptor*> FindField(const Message& message,
                                                 const PathPart& part) {
  const FieldDescriptor* field =
      message.GetDescriptor()->FindFieldByName(part.name);
  if (field == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", part.name, "\" is not a field of ",
                     message.GetDescriptor()->name()));
  }
  if (part.index < 0) return field;
  if (!field->is_repeated()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", part.name, "\" has no elements"));
  }
  const int size = message.GetReflection()->FieldSize(message, field);
  if (part.index > size) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", part.name, "\" has ", size, " elements; index ",
                     part.index, " is beyond the next one"));
  }
  return field;
}

// Goes from a message to the message in the field that `part` names.
absl::StatusOr<Message*> Descend(Message& message, const PathPart& part) {
  METASTEP_ASSIGN_OR_RETURN(const FieldDescriptor* field,
                            FindField(message, part));
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", part.name, "\" has no fields"));
  }
  const Reflection& reflection = *message.GetReflection();
  if (!field->is_repeated()) return reflection.MutableMessage(&message, field);
  if (part.index < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", part.name, "\" is repeated; say which, as ", part.name, "[0]"));
  }
  return part.index < reflection.FieldSize(message, field)
             ? reflection.MutableRepeatedMessage(&message, field, part.index)
             : reflection.AddMessage(&message, field);
}

// `value` as text format has it; a shell eats the quotes of a string.
std::string Quoted(const FieldDescriptor* field, absl::string_view value) {
  const bool bare = field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
                    !absl::StartsWith(value, "\"") &&
                    !absl::StartsWith(value, "'") &&
                    !absl::StartsWith(value, "[");
  return bare ? absl::StrCat("\"", absl::CEscape(value), "\"")
              : std::string(value);
}

// Parses the value of one field into an empty message of its type.
absl::Status ParseValue(const FieldDescriptor* field, absl::string_view value,
                        Message& scratch) {
  google::protobuf::TextFormat::Parser parser;
  ProblemCollector collector;
  parser.RecordErrorsTo(&collector);
  const std::string text =
      absl::StrCat(field->name(), ": ", Quoted(field, value));
  if (!parser.ParseFromString(text, &scratch)) {
    return absl::InvalidArgumentError(
        collector.problems().empty() ? "does not parse"
                                     : collector.problems().front().message);
  }
  std::vector<const FieldDescriptor*> set;
  scratch.GetReflection()->ListFields(scratch, &set);
  for (const FieldDescriptor* other : set) {
    if (other == field) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("it also sets \"", other->name(), "\""));
  }
  return absl::OkStatus();
}

// Puts the only element of the scratch's field at `index`.
absl::Status SetElement(Message& message, const FieldDescriptor* field,
                        int index, const Message& scratch) {
  const Reflection& reflection = *message.GetReflection();
  if (reflection.FieldSize(scratch, field) != 1) {
    return absl::InvalidArgumentError("expected one element");
  }
  const int size = reflection.FieldSize(message, field);
  message.MergeFrom(scratch);
  if (index < size) {
    reflection.SwapElements(&message, field, index, size);
    reflection.RemoveLast(&message, field);
  }
  return absl::OkStatus();
}

absl::Status SetValue(Message& message, const PathPart& part,
                      absl::string_view value) {
  METASTEP_ASSIGN_OR_RETURN(const FieldDescriptor* field,
                            FindField(message, part));
  const std::unique_ptr<Message> scratch(message.New());
  METASTEP_RETURN_IF_ERROR(ParseValue(field, value, *scratch));
  if (part.index >= 0) return SetElement(message, field, part.index, *scratch);
  message.GetReflection()->SwapFields(&message, scratch.get(), {field});
  return absl::OkStatus();
}

absl::Status SetByPath(Message& message, absl::string_view path,
                       absl::string_view value) {
  Message* holder = &message;
  std::vector<std::string> parts = absl::StrSplit(path, '.');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    METASTEP_ASSIGN_OR_RETURN(const PathPart part, ParsePathPart(parts[i]));
    METASTEP_ASSIGN_OR_RETURN(holder, Descend(*holder, part));
  }
  METASTEP_ASSIGN_OR_RETURN(const PathPart last, ParsePathPart(parts.back()));
  return SetValue(*holder, last, value);
}

}  // namespace

absl::StatusOr<v1::RunSpec> ParseRunSpec(absl::string_view text) {
  google::protobuf::TextFormat::Parser parser;
  ProblemCollector collector;
  parser.RecordErrorsTo(&collector);
  v1::RunSpec spec;
  if (parser.ParseFromString(std::string(text), &spec)) return spec;
  return absl::InvalidArgumentError(absl::StrJoin(
      collector.problems(), "\n",
      [](std::string* out, const ProblemCollector::Problem& problem) {
        absl::StrAppend(out, problem.line, ":", problem.column, ": ",
                        problem.message);
      }));
}

absl::Status SetField(v1::RunSpec& spec, absl::string_view path,
                      absl::string_view value) {
  v1::RunSpec changed = spec;
  const absl::Status status = SetByPath(changed, path, value);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, "=", value, ": ", status.message()));
  }
  spec = std::move(changed);
  return absl::OkStatus();
}

}  // namespace metastep
