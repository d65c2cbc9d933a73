// Reading, checking and completing run specs.
#ifndef METASTEP_OPTIMIZER_RUN_SPEC_H_
#define METASTEP_OPTIMIZER_RUN_SPEC_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// The limits of EvaluationSpec.keep_theta: with them all of a run's thetas have
// 2 MiB, half of what a gRPC message may have.
inline constexpr int kMaxKeptEntries = 8;
inline constexpr int64_t kMaxKeptCoordinates = 65'536;

// Bytes that the curves of an evaluation's entries may have: the other half.
inline constexpr int64_t kMaxCurveBytes = 2 << 20;
// Those of one: two figures a point, and two a task.
inline int64_t CurveBytes(const v1::EvaluationSpec& spec) {
  return (2 * (int64_t{spec.steps()} + 1) + 2 * int64_t{spec.tasks()}) *
         int64_t{sizeof(double)};
}

// How many losses an evaluation, or a validation of all trials, may have: the
// server holds them, 1 GiB, until the last has come.
inline constexpr int64_t kMaxHeldLosses = int64_t{1} << 27;
inline int64_t HeldLosses(int64_t tasks, int64_t steps) {
  return tasks * (steps + 1);
}

// Parses protobuf text format. Errors: InvalidArgument, "line:column: message"
// for each problem; an unknown field is one.
absl::StatusOr<v1::RunSpec> ParseRunSpec(absl::string_view text);

// Sets one field by its dotted path, e.g. "training.unroll.horizon" = "40";
// the value is written as in text format, a string also without its quotes.
// An element of a repeated field is `field[0]`; the index after the last one
// appends. Naming a member of a oneof selects it. Errors: InvalidArgument,
// naming the part of the path that is not a field, or the value that does not
// fit; the spec is as before.
absl::Status SetField(v1::RunSpec& spec, absl::string_view path,
                      absl::string_view value);

// Checks every field against the limits written in spec.proto and writes out
// every default and preset. Resolving a resolved spec changes nothing.
// Errors: InvalidArgument, one line for each problem that names field, value
// and limit.
absl::StatusOr<v1::RunSpec> ResolveRunSpec(v1::RunSpec spec);

// The same for the rules of a model, for one learned rule and for one
// hand-designed rule.
absl::StatusOr<google::protobuf::RepeatedPtrField<v1::GroupRuleSpec>>
ResolveGroupRules(google::protobuf::RepeatedPtrField<v1::GroupRuleSpec> rules);
absl::StatusOr<v1::LearnedRuleSpec> ResolveLearnedRule(
    v1::LearnedRuleSpec spec);
absl::StatusOr<v1::HandDesignedSpec> ResolveHandDesigned(
    v1::HandDesignedSpec spec);

// OK for [a-z0-9_-]{1,64}. `what` names the thing in the message.
absl::Status CheckName(absl::string_view what, absl::string_view name);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_RUN_SPEC_H_
