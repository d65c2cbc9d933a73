#include "optimizer/rule_factory.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "optimizer/antisymmetric_rule.h"
#include "optimizer/grouped_rule.h"
#include "optimizer/hand_designed.h"
#include "optimizer/recurrent_architecture.h"
#include "optimizer/recurrent_rule.h"
#include "optimizer/run_spec.h"

namespace metastep {
namespace {

RecurrentArchitecture ArchitectureOf(const v1::GroupRuleSpec& spec) {
  return MakeRecurrentArchitecture(spec.rule());
}

// The first rule that serves a tensor of this name.
absl::StatusOr<size_t> RuleFor(const RuleSpecs& specs,
                               const std::string& tensor) {
  const auto found = absl::c_find_if(specs, [&](const auto& spec) {
    return absl::c_any_of(spec.parameters(), [&](const std::string& glob) {
      return MatchesGlob(glob, tensor);
    });
  });
  if (found == specs.end()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "no rule serves tensor \"%s\"; add \"*\" to the parameters of the last "
        "rule to serve what is left",
        tensor));
  }
  return std::distance(specs.begin(), found);
}

// The coordinates of `layout` by the rule that serves them; adjacent tensors of
// one rule share a segment.
absl::StatusOr<std::vector<RuleSegment>> Segments(
    const RuleSpecs& specs, const ParameterLayout& layout) {
  std::vector<RuleSegment> segments;
  for (size_t i = 0; i < layout.tensors().size(); ++i) {
    METASTEP_ASSIGN_OR_RETURN(const size_t rule,
                              RuleFor(specs, layout.tensors()[i].name));
    const int64_t size = layout.begin(i + 1) - layout.begin(i);
    if (!segments.empty() && segments.back().rule == rule) {
      segments.back().size += size;
    } else {
      segments.push_back({layout.begin(i), size, rule});
    }
  }
  return segments;
}

std::unique_ptr<const LearnedRule> MakeRule(
    const RecurrentArchitecture& architecture, absl::Span<const float> phi) {
  auto rule = std::make_unique<RecurrentRule>(architecture, phi);
  if (!architecture.spec.antisymmetric()) return rule;
  return std::make_unique<AntisymmetricRule>(std::move(rule));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const UpdateRule>> MakeHandDesignedRule(
    const v1::HandDesignedSpec& spec) {
  METASTEP_ASSIGN_OR_RETURN(const v1::HandDesignedSpec resolved,
                            ResolveHandDesigned(spec));
  return HandDesignedRule(resolved);
}

std::vector<ParameterTensor> PhiTensors(const RuleSpecs& specs) {
  std::vector<ParameterTensor> tensors;
  for (const v1::GroupRuleSpec& spec : specs) {
    absl::c_move(PhiTensors(ArchitectureOf(spec), spec.name()),
                 std::back_inserter(tensors));
  }
  return tensors;
}

int64_t PhiSize(const RuleSpecs& specs) {
  int64_t size = 0;
  for (const v1::GroupRuleSpec& spec : specs) {
    size += ArchitectureOf(spec).stack.phi_size;
  }
  return size;
}

std::vector<float> InitialPhi(const RuleSpecs& specs, uint64_t seed) {
  std::vector<float> phi;
  for (int i = 0; i < specs.size(); ++i) {
    Rng rng(RngKey{.seed = seed,
                   .stream = RngStream::kPhi,
                   .unroll = static_cast<uint64_t>(i)});
    absl::c_copy(InitialPhi(ArchitectureOf(specs[i]), rng),
                 std::back_inserter(phi));
  }
  return phi;
}

absl::StatusOr<std::unique_ptr<const LearnedRule>> MakeLearnedRule(
    const RuleSpecs& specs, const ParameterLayout& layout,
    absl::Span<const float> phi, double scale) {
  if (static_cast<int64_t>(phi.size()) != PhiSize(specs)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "phi has %d floats; its rules take %d", phi.size(), PhiSize(specs)));
  }
  METASTEP_ASSIGN_OR_RETURN(const std::vector<RuleSegment> segments,
                            Segments(specs, layout));
  std::vector<std::unique_ptr<const LearnedRule>> rules;
  size_t begin = 0;
  for (const v1::GroupRuleSpec& spec : specs) {
    RecurrentArchitecture architecture = ArchitectureOf(spec);
    architecture.stack.output_scale *= scale;
    const size_t size = architecture.stack.phi_size;
    rules.push_back(MakeRule(architecture, phi.subspan(begin, size)));
    begin += size;
  }
  if (rules.size() == 1) return std::move(rules.front());
  return std::make_unique<GroupedRule>(std::move(rules), segments);
}

}  // namespace metastep
