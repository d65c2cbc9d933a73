// Several learned rules that share the coordinates of one optimizee, each
// serving its group of tensors (Andrychowicz et al., section 3.3: one LSTM for
// the convolutional, one for the fully connected layers).
#ifndef METASTEP_OPTIMIZER_GROUPED_RULE_H_
#define METASTEP_OPTIMIZER_GROUPED_RULE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "optimizer/update_rule.h"

namespace metastep {

// True if `text` matches `glob`, in which '*' stands for any characters and '?'
// for any one.
bool MatchesGlob(absl::string_view glob, absl::string_view text);

// Adjacent coordinates that one rule serves.
struct RuleSegment {
  int64_t begin;
  int64_t size;
  size_t rule;
};

// Steps each segment by its rule. Its phi is that of its rules, one after
// another; its state that of its segments, each from a block's beginning.
//
// Unlike a plain rule it serves all N coordinates or none: its methods require
// n == N, and StateFloats(n) is meant for n == N alone. Its parts are its
// segments. Immutable; thread-safe.
class GroupedRule final : public LearnedRule {
 public:
  // REQUIRES: the segments cover [0, N) in order without a gap.
  GroupedRule(std::vector<std::unique_ptr<const LearnedRule>> rules,
              const std::vector<RuleSegment>& segments);

  int64_t StateFloats(int64_t n) const override;
  std::vector<RulePart> Parts(int64_t n) const override;
  void Step(int64_t step, absl::Span<const float> gradient,
            absl::Span<float> state, absl::Span<float> update) const override;
  absl::Span<const float> phi() const override { return phi_; }
  void StepBackward(int64_t step, absl::Span<const float> gradient,
                    absl::Span<const float> state,
                    const StepAdjoint& adjoint) const override;
  void WindowBackward(const Window& window,
                      absl::Span<double> phi_adjoint) const override;

 private:
  // A segment, its rule, and its parts of state and phi.
  struct Part {
    const LearnedRule* rule;
    int64_t begin, size;
    int64_t state_begin, state_size;
    int64_t phi_begin, phi_size;

    template <typename T>
    absl::Span<T> Coordinates(absl::Span<T> all) const {
      return all.subspan(begin, size);
    }
    template <typename T>
    absl::Span<T> State(absl::Span<T> all) const {
      return all.subspan(state_begin, state_size);
    }
    absl::Span<double> Phi(absl::Span<double> all) const {
      return all.subspan(phi_begin, phi_size);
    }
  };

  const std::vector<std::unique_ptr<const LearnedRule>> rules_;
  std::vector<float> phi_;
  std::vector<Part> parts_;
};

}  // namespace metastep

#endif  // METASTEP_OPTIMIZER_GROUPED_RULE_H_
