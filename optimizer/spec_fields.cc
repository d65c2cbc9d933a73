#include "optimizer/spec_fields.h"

#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace metastep {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

std::string Range(IntegerLimit limit) {
  return absl::StrCat(limit.min, " to ", limit.max);
}

bool Holds(IntegerLimit limit, int64_t value) {
  return limit.min <= value && value <= limit.max;
}

bool Holds(const RealLimit& limit, double value) {
  const double rounded{static_cast<float>(value)};
  return std::isfinite(rounded) && limit.holds(value) && limit.holds(rounded);
}

// A number outside its limit; a zero that nobody wrote reads as "required".
std::string OutOfLimit(absl::string_view value, bool unset,
                       absl::string_view limit) {
  if (unset) return absl::StrCat("is required: ", limit);
  return absl::StrCat("is ", value, "; must be ", limit);
}

std::string OutOfLimit(double value, bool unset, const RealLimit& limit) {
  const bool rounding = !unset && std::isfinite(value) && limit.holds(value);
  return OutOfLimit(absl::StrCat(value), unset,
                    absl::StrCat(limit.text, rounding ? " in float32" : ""));
}

// The specs count in int32 and int64; limits keep either within its type.
int64_t GetInteger(const Message& message, const FieldDescriptor* field) {
  const Reflection& reflection = *message.GetReflection();
  return field->cpp_type() == FieldDescriptor::CPPTYPE_INT32
             ? reflection.GetInt32(message, field)
             : reflection.GetInt64(message, field);
}

void SetInteger(Message& message, const FieldDescriptor* field, int64_t value) {
  const Reflection& reflection = *message.GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
    reflection.SetInt32(&message, field, static_cast<int32_t>(value));
  } else {
    reflection.SetInt64(&message, field, value);
  }
}

// "A, B, C", without the unspecified value.
std::string EnumNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) names.push_back(type.value(i)->name());
  }
  return absl::StrJoin(names, ", ");
}

constexpr size_t kMaxPath = 256;

bool IsPathName(absl::string_view name) {
  return !name.empty() && name.front() != '.' &&
         absl::c_all_of(name, [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

bool IsPath(absl::string_view text) {
  return text.size() <= kMaxPath &&
         absl::c_all_of(
             std::vector<absl::string_view>(absl::StrSplit(text, '/')),
             IsPathName);
}

}  // namespace

std::string Shown(absl::string_view text, size_t bytes) {
  return absl::CHexEscape(text.substr(0, bytes));
}

bool IsName(absl::string_view text) {
  constexpr size_t kMaxLength = 64;
  return !text.empty() && text.size() <= kMaxLength &&
         absl::c_all_of(text, [](char c) {
           return absl::ascii_islower(c) || absl::ascii_isdigit(c) ||
                  c == '_' || c == '-';
         });
}

std::string NameProblem(absl::string_view text) {
  return absl::StrCat(
      "is \"", Shown(text),
      "\"; must be 1 to 64 characters out of a to z, 0 to 9, '_' and '-'");
}

void SpecProblems::Add(absl::string_view path, absl::string_view problem) {
  // The message must fit the trailers of an RPC, which gRPC bounds at 8 KiB.
  constexpr int64_t kShown = 10;
  if (++count_ > kShown) return;
  lines_.push_back(absl::StrCat(path, path.empty() ? "" : " ", problem));
}

absl::Status SpecProblems::ToStatus() const {
  if (empty()) return absl::OkStatus();
  const int64_t left_out = count_ - static_cast<int64_t>(lines_.size());
  return absl::InvalidArgumentError(absl::StrCat(
      absl::StrJoin(lines_, "\n"),
      left_out > 0 ? absl::StrCat("\nand ", left_out, " more") : ""));
}

SpecPlace SpecPlace::operator/(absl::string_view field) const {
  return {path.empty() ? std::string(field) : absl::StrCat(path, ".", field),
          problems};
}

SpecPlace SpecPlace::Element(absl::string_view field, int index) const {
  return *this / absl::StrCat(field, "[", index, "]");
}

SpecFields::SpecFields(Message& message, SpecPlace place)
    : message_(message),
      reflection_(*message.GetReflection()),
      place_(std::move(place)) {}

void SpecFields::Integer(absl::string_view field, IntegerLimit limit,
                         std::optional<int64_t> fallback) {
  const FieldDescriptor* descriptor = Find(field);
  const bool unset = IsUnset(descriptor);
  if (unset && fallback.has_value()) {
    SetInteger(message_, descriptor, *fallback);
    return;
  }
  const int64_t value = GetInteger(message_, descriptor);
  if (!Holds(limit, value)) {
    Problem(field, OutOfLimit(absl::StrCat(value), unset, Range(limit)));
  }
}

void SpecFields::Real(absl::string_view field, const RealLimit& limit,
                      std::optional<double> fallback) {
  const FieldDescriptor* descriptor = Find(field);
  const bool unset = IsUnset(descriptor);
  if (unset && fallback.has_value()) {
    reflection_.SetDouble(&message_, descriptor, *fallback);
    return;
  }
  const double value = reflection_.GetDouble(message_, descriptor);
  const bool missing = unset && descriptor->has_presence();
  if (missing || !Holds(limit, value)) {
    Problem(field, OutOfLimit(value, unset, limit));
  }
}

void SpecFields::Enum(absl::string_view field, std::optional<int> fallback) {
  const FieldDescriptor* descriptor = Find(field);
  const int value = reflection_.GetEnumValue(message_, descriptor);
  if (value == 0 && fallback.has_value()) {
    reflection_.SetEnumValue(&message_, descriptor, *fallback);
    return;
  }
  const EnumDescriptor& type = *descriptor->enum_type();
  if (value == 0 || type.FindValueByNumber(value) == nullptr) {
    Problem(field, OutOfLimit(absl::StrCat(value), value == 0,
                              absl::StrCat("one of ", EnumNames(type))));
  }
}

void SpecFields::Name(absl::string_view field,
                      std::optional<absl::string_view> fallback) {
  const FieldDescriptor* descriptor = Find(field);
  const std::string value = reflection_.GetString(message_, descriptor);
  if (value.empty() && fallback.has_value()) {
    reflection_.SetString(&message_, descriptor, std::string(*fallback));
    return;
  }
  if (!IsName(value)) Problem(field, NameProblem(value));
}

void SpecFields::Path(absl::string_view field) {
  const std::string value = reflection_.GetString(message_, Find(field));
  if (IsPath(value)) return;
  Problem(field, absl::StrCat("is \"", Shown(value),
                              "\"; must be the path of a file below the data "
                              "directory, of at most ",
                              kMaxPath,
                              " characters: names of letters, digits, '.', '_' "
                              "and '-' that do not begin with '.'"));
}

void SpecFields::Integers(absl::string_view field, int max_count,
                          IntegerLimit limit) {
  const FieldDescriptor* descriptor = Find(field);
  const int count = reflection_.FieldSize(message_, descriptor);
  if (count > max_count) {
    Problem(field, absl::StrCat("has ", count, " elements; must have at most ",
                                max_count));
  }
  for (int i = 0; i < count; ++i) {
    const int64_t value = reflection_.GetRepeatedInt32(message_, descriptor, i);
    if (Holds(limit, value)) continue;
    Problem(absl::StrCat(field, "[", i, "]"),
            OutOfLimit(absl::StrCat(value), /*unset=*/false, Range(limit)));
  }
}

void SpecFields::Reals(absl::string_view field, const RealLimit& limit) {
  const FieldDescriptor* descriptor = Find(field);
  for (int i = 0; i < reflection_.FieldSize(message_, descriptor); ++i) {
    const double value = reflection_.GetRepeatedDouble(message_, descriptor, i);
    if (Holds(limit, value)) continue;
    Problem(absl::StrCat(field, "[", i, "]"),
            OutOfLimit(value, /*unset=*/false, limit));
  }
}

bool SpecFields::Required(absl::string_view oneof) {
  const OneofDescriptor* descriptor =
      message_.GetDescriptor()->FindOneofByName(std::string(oneof));
  if (descriptor == nullptr) std::abort();
  if (reflection_.HasOneof(message_, descriptor)) return true;
  std::vector<std::string> members;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    members.push_back(descriptor->field(i)->name());
  }
  Problem(oneof,
          absl::StrCat("is required: one of ", absl::StrJoin(members, ", ")));
  return false;
}

void SpecFields::Problem(absl::string_view field, absl::string_view problem) {
  place_.problems->Add((place_ / field).path, problem);
}

const FieldDescriptor* SpecFields::Find(absl::string_view field) const {
  const FieldDescriptor* descriptor =
      message_.GetDescriptor()->FindFieldByName(std::string(field));
  if (descriptor == nullptr) std::abort();
  return descriptor;
}

bool SpecFields::IsUnset(const FieldDescriptor* field) const {
  // For a field without presence, HasField says whether it is not zero.
  return !reflection_.HasField(message_, field);
}

}  // namespace metastep
