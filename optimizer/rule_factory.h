// From specs to update rules.
#ifndef METASTEP_OPTIMIZER_RULE_FACTORY_H_
#define METASTEP_OPTIMIZER_RULE_FACTORY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/update_rule.h"

namespace metastep {

// The learned rules of a run or a model, in the order of their parts of phi.
using RuleSpecs = google::protobuf::RepeatedPtrField<v1::GroupRuleSpec>;

// A hand-designed rule. Errors: InvalidArgument, naming field, value and limit.
absl::StatusOr<std::unique_ptr<const UpdateRule>> MakeHandDesignedRule(
    const v1::HandDesignedSpec& spec);

// The tensors that make up phi, in its order: "<rule>.layer0.weight" and so on.
// REQUIRES: specs are resolved (run_spec.h).
std::vector<ParameterTensor> PhiTensors(const RuleSpecs& specs);

// Floats in phi over all rules. REQUIRES: specs are resolved.
int64_t PhiSize(const RuleSpecs& specs);

// The initial phi of a run with this seed. REQUIRES: specs are resolved.
std::vector<float> InitialPhi(const RuleSpecs& specs, uint64_t seed);

// The learned rule that serves the coordinates of `layout` as the specs' groups
// say; `phi` is all of it, copied. With one group for everything this is that
// group's rule; else a composite whose state is laid out tensor by tensor.
// Updates are `scale` times what the specs say.
// Errors: InvalidArgument: phi has the wrong size, or no group matches a tensor
// (its name is in the message).
absl::StatusOr<std::unique_ptr<const LearnedRule>> MakeLearnedRule(
    const RuleSpecs& specs, const ParameterLayout& layout,
    absl::Span<const float> phi, double scale = 1);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_RULE_FACTORY_H_
