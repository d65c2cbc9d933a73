// The fields of one spec message by name: each call below checks one field
// against its limit and writes out its default.
#ifndef METASTEP_OPTIMIZER_SPEC_FIELDS_H_
#define METASTEP_OPTIMIZER_SPEC_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace metastep {

// The first bytes of a text, escaped: enough to recognise it by; a peer may
// send megabytes.
std::string Shown(absl::string_view text, size_t bytes = 80);

// Whether text is [a-z0-9_-]{1,64}, and what to say if it is not.
bool IsName(absl::string_view text);
std::string NameProblem(absl::string_view text);

// What is wrong with a spec: one line each, starting with a field's path.
// Not thread-safe.
class SpecProblems {
 public:
  void Add(absl::string_view path, absl::string_view problem);
  bool empty() const { return count_ == 0; }
  // InvalidArgument with the first few of them, or OK.
  absl::Status ToStatus() const;

 private:
  std::vector<std::string> lines_;
  int64_t count_ = 0;
};

// Where in a spec a message stands. Thread-compatible; `problems` must outlive
// it.
struct SpecPlace {
  SpecPlace operator/(absl::string_view field) const;
  SpecPlace Element(absl::string_view field, int index) const;

  std::string path;  // "training.rules[0]"; empty for the whole spec
  SpecProblems* problems;
};

// A closed range of whole numbers.
struct IntegerLimit {
  int64_t min;
  int64_t max;
};

// A set of finite numbers and how a message calls it. A field holds it if its
// number does, both as written and as the float that computing takes it for:
// the smallest and largest doubles round to 0 and infinity.
struct RealLimit {
  absl::string_view text;
  bool (*holds)(double value);
};
inline constexpr RealLimit kAnyReal{"finite", [](double) { return true; }};
inline constexpr RealLimit kAtLeastZero{"finite and at least 0",
                                        [](double x) { return x >= 0; }};
inline constexpr RealLimit kAboveZero{"finite and above 0",
                                      [](double x) { return x > 0; }};
inline constexpr RealLimit kNotZero{"finite and not 0",
                                    [](double x) { return x != 0; }};
inline constexpr RealLimit kFraction{"from 0 to 1",
                                     [](double x) { return x >= 0 && x <= 1; }};
inline constexpr RealLimit kBelowOne{"at least 0 and below 1",
                                     [](double x) { return x >= 0 && x < 1; }};

// A field is unset if it has a presence bit that is off or, without one, holds
// zero; an unset field takes its `fallback`. Without one it must satisfy its
// limit as it stands, and a real number with a presence bit is required. Naming
// a field that the message lacks, or one of another type, is a bug and aborts.
// Thread-compatible; the message must outlive it.
class SpecFields {
 public:
  SpecFields(google::protobuf::Message& message, SpecPlace place);

  void Integer(absl::string_view field, IntegerLimit limit,
               std::optional<int64_t> fallback = std::nullopt);
  void Real(absl::string_view field, const RealLimit& limit,
            std::optional<double> fallback = std::nullopt);
  // Enums: the unspecified value (0) and unknown ones are not accepted.
  void Enum(absl::string_view field,
            std::optional<int> fallback = std::nullopt);
  // A name, see IsName.
  void Name(absl::string_view field,
            std::optional<absl::string_view> fallback = std::nullopt);

  // A file below a folder: at most 256 characters; names of letters, digits,
  // '.', '_' and '-' with '/' between them, none of which begins with a '.', so
  // that it cannot lead out of the folder.
  void Path(absl::string_view field);

  // At most `max_count` elements, each within the limit.
  void Integers(absl::string_view field, int max_count, IntegerLimit limit);
  void Reals(absl::string_view field, const RealLimit& limit);

  // Whether a member of the oneof is set, which it must be.
  bool Required(absl::string_view oneof);

  // Records what is wrong with `field`.
  void Problem(absl::string_view field, absl::string_view problem);

 private:
  const google::protobuf::FieldDescriptor* Find(absl::string_view field) const;
  bool IsUnset(const google::protobuf::FieldDescriptor* field) const;

  google::protobuf::Message& message_;
  const google::protobuf::Reflection& reflection_;
  SpecPlace place_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_SPEC_FIELDS_H_
