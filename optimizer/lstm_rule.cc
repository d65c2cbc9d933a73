#include "optimizer/lstm_rule.h"

#include <utility>
#include <vector>

namespace metastep {
namespace {

// One coordinate's variables, gathered from and scattered to its block.
class StateColumn {
 public:
  StateColumn(int64_t variables, int64_t coordinate)
      : variables_(variables),
        begin_(coordinate / UpdateRule::kBlock * UpdateRule::kBlock *
                   variables +
               coordinate % UpdateRule::kBlock) {}

  std::vector<float> Gather(absl::Span<const float> state) const {
    std::vector<float> column(variables_);
    for (int64_t v = 0; v < variables_; ++v) {
      column[v] = state[begin_ + v * UpdateRule::kBlock];
    }
    return column;
  }
  void Scatter(const std::vector<float>& column,
               absl::Span<float> state) const {
    for (int64_t v = 0; v < variables_; ++v) {
      state[begin_ + v * UpdateRule::kBlock] = column[v];
    }
  }

 private:
  const int64_t variables_;
  const int64_t begin_;
};

}  // namespace

LstmRule::LstmRule(LstmArchitecture architecture, absl::Span<const float> phi)
    : phi_(phi.begin(), phi.end()), reference_(std::move(architecture), phi_) {}

int64_t LstmRule::StateFloats(int64_t n) const {
  return BlockedFloats(reference_.architecture().state_variables, n);
}

void LstmRule::Step(int64_t /*step*/, absl::Span<const float> gradient,
                    absl::Span<float> state, absl::Span<float> update) const {
  for (size_t n = 0; n < gradient.size(); ++n) {
    const StateColumn column(reference_.architecture().state_variables, n);
    std::vector<float> variables = column.Gather(state);
    update[n] = reference_.Step(gradient[n], absl::MakeSpan(variables));
    column.Scatter(variables, state);
  }
}

void LstmRule::StepBackward(int64_t /*step*/, absl::Span<const float> gradient,
                            absl::Span<const float> state,
                            const StepAdjoint& adjoint) const {
  std::vector<float> phi_adjoint(phi_.size());
  for (size_t n = 0; n < gradient.size(); ++n) {
    const StateColumn column(reference_.architecture().state_variables, n);
    std::vector<float> variables = column.Gather(adjoint.state);
    const float gradient_adjoint = reference_.StepBackward(
        gradient[n], column.Gather(state), adjoint.update[n],
        absl::MakeSpan(variables), absl::MakeSpan(phi_adjoint));
    column.Scatter(variables, adjoint.state);
    if (!adjoint.gradient.empty()) adjoint.gradient[n] = gradient_adjoint;
  }
  for (size_t i = 0; i < phi_.size(); ++i) adjoint.phi[i] += phi_adjoint[i];
}

void LstmRule::WindowBackward(
    int64_t first_step, absl::Span<const absl::Span<const float>> gradients,
    absl::Span<const float> state,
    absl::Span<const absl::Span<const float>> update_adjoints,
    absl::Span<double> phi_adjoint) const {
  if (gradients.empty()) return;
  std::vector<std::vector<float>> states = {{state.begin(), state.end()}};
  std::vector<float> update(gradients[0].size());
  for (size_t t = 0; t + 1 < gradients.size(); ++t) {
    states.push_back(states.back());
    Step(first_step + t, gradients[t], absl::MakeSpan(states.back()),
         absl::MakeSpan(update));
  }
  std::vector<float> state_adjoint(state.size());
  for (size_t t = gradients.size(); t-- > 0;) {
    StepBackward(
        first_step + t, gradients[t], states[t],
        {update_adjoints[t], absl::MakeSpan(state_adjoint), {}, phi_adjoint});
  }
}

}  // namespace metastep
