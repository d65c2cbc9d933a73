// The parts of resolving a run spec (run_spec.h), each in a file of its own.
// Every function writes out the defaults of a message, and records what breaks
// a limit of spec.proto.
#ifndef METASTEP_OPTIMIZER_SPEC_RESOLVE_H_
#define METASTEP_OPTIMIZER_SPEC_RESOLVE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/rule_factory.h"
#include "optimizer/spec_fields.h"

namespace metastep {

// Of an unroll, and of a validation or evaluation.
inline constexpr IntegerLimit kSteps{1, 100000};
inline constexpr IntegerLimit kTasks{1, 10000};

// rule_spec_resolve.cc
void Fill(v1::LearnedRuleSpec& spec, const SpecPlace& place);
void Fill(v1::HandDesignedSpec& spec, const SpecPlace& place);
// At least one rule, their names unique, and a phi that a model file holds.
// `place` is that of the message with the field `rules`.
void Fill(RuleSpecs& rules, const SpecPlace& place);

// task_spec_resolve.cc
void Fill(v1::TaskSpec& spec, const SpecPlace& place);

// run_spec_resolve.cc
// That the losses of so many tasks, `times` over, are at most kMaxHeldLosses.
// `what` says what there are `times` of. REQUIRES: there is no problem yet.
void CheckHeldLosses(int32_t tasks, int32_t steps, int64_t times,
                     absl::string_view what, const SpecPlace& place);

// training_spec_resolve.cc
void Fill(v1::TrainingSpec& spec, const SpecPlace& place);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_SPEC_RESOLVE_H_
