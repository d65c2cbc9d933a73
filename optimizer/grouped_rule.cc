#include "optimizer/grouped_rule.h"

#include <utility>

namespace metastep {

// On a mismatch only the last '*' needs to take one more character: whatever an
// earlier one could take instead, the last can take as well. So the time is at
// most the product of the lengths.
bool MatchesGlob(absl::string_view glob, absl::string_view text) {
  size_t g = 0, t = 0;
  size_t after_star = absl::string_view::npos;  // in glob
  size_t star_end = 0;                          // in text
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      after_star = ++g;
      star_end = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g;
      ++t;
    } else if (after_star != absl::string_view::npos) {
      g = after_star;
      t = ++star_end;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

GroupedRule::GroupedRule(std::vector<std::unique_ptr<const LearnedRule>> rules,
                         const std::vector<RuleSegment>& segments)
    : rules_(std::move(rules)) {
  std::vector<int64_t> phi_begins;
  for (const auto& rule : rules_) {
    phi_begins.push_back(phi_.size());
    phi_.insert(phi_.end(), rule->phi().begin(), rule->phi().end());
  }
  int64_t state_begin = 0;
  for (const RuleSegment& segment : segments) {
    const LearnedRule& rule = *rules_[segment.rule];
    const int64_t state_size = rule.StateFloats(segment.size);
    parts_.push_back({&rule, segment.begin, segment.size, state_begin,
                      state_size, phi_begins[segment.rule],
                      static_cast<int64_t>(rule.phi().size())});
    state_begin += state_size;
  }
}

int64_t GroupedRule::StateFloats(int64_t /*n*/) const {
  return parts_.back().state_begin + parts_.back().state_size;
}

std::vector<RulePart> GroupedRule::Parts(int64_t /*n*/) const {
  std::vector<RulePart> parts;
  parts.reserve(parts_.size());
  for (const Part& part : parts_) {
    parts.push_back({part.rule, part.begin, part.size, part.state_begin});
  }
  return parts;
}

void GroupedRule::Step(int64_t step, absl::Span<const float> gradient,
                       absl::Span<float> state,
                       absl::Span<float> update) const {
  for (const Part& part : parts_) {
    part.rule->Step(step, part.Coordinates(gradient), part.State(state),
                    part.Coordinates(update));
  }
}

void GroupedRule::StepBackward(int64_t step, absl::Span<const float> gradient,
                               absl::Span<const float> state,
                               const StepAdjoint& adjoint) const {
  for (const Part& part : parts_) {
    StepAdjoint of_part = {part.Coordinates(adjoint.update),
                           part.State(adjoint.state), adjoint.gradient,
                           part.Phi(adjoint.phi)};
    if (!adjoint.gradient.empty()) {
      of_part.gradient = part.Coordinates(adjoint.gradient);
    }
    part.rule->StepBackward(step, part.Coordinates(gradient), part.State(state),
                            of_part);
  }
}

void GroupedRule::WindowBackward(const Window& window,
                                 absl::Span<double> phi_adjoint) const {
  using Vectors = std::vector<absl::Span<const float>>;
  Vectors gradients(window.gradients.size());
  Vectors update_adjoints(window.update_adjoints.size());
  for (const Part& part : parts_) {
    const auto take = [&part](absl::Span<const absl::Span<const float>> all,
                              Vectors& of_part) {
      for (size_t t = 0; t < all.size(); ++t) {
        of_part[t] = part.Coordinates(all[t]);
      }
    };
    take(window.gradients, gradients);
    take(window.update_adjoints, update_adjoints);
    part.rule->WindowBackward(
        {gradients, window.weights, part.State(window.state), window.first_step,
         update_adjoints},
        part.Phi(phi_adjoint));
  }
}

}  // namespace metastep
