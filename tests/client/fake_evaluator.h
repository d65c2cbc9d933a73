// An evaluator whose curves a test makes up.
#ifndef METASTEP_TESTS_CLIENT_FAKE_EVALUATOR_H_
#define METASTEP_TESTS_CLIENT_FAKE_EVALUATOR_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "client/evaluator.h"

namespace metastep {

// One task: its losses are what `judge` says of the entry. Not thread-safe.
class FakeEvaluator final : public Evaluator {
 public:
  struct Losses {
    double sum;
    double final;
  };
  explicit FakeEvaluator(
      std::function<Losses(const v1::EvaluationEntry&)> judge)
      : judge_(std::move(judge)) {}

  absl::StatusOr<std::vector<v1::LossCurve>> Evaluate(
      const v1::EvaluationSpec& what) override {
    asked.push_back(what);
    std::vector<v1::LossCurve> curves;
    for (const v1::EvaluationEntry& entry : what.entries()) {
      const Losses losses = judge_(entry);
      v1::LossCurve& curve = curves.emplace_back();
      curve.set_label(entry.label());
      curve.add_loss(losses.sum);
      curve.add_loss(losses.final);
      curve.add_sums_of_losses(losses.sum);
      curve.add_final_losses(losses.final);
      if (what.keep_theta()) curve.set_final_theta(theta);
    }
    return curves;
  }

  std::vector<v1::EvaluationSpec> asked;
  // What every curve has for final_theta where it is kept.
  std::string theta;

 private:
  const std::function<Losses(const v1::EvaluationEntry&)> judge_;
};

// The learning rate of any hand-designed rule.
inline double LearningRateOf(const v1::HandDesignedSpec& spec) {
  switch (spec.rule_case()) {
    case v1::HandDesignedSpec::kSgd:
      return spec.sgd().learning_rate();
    case v1::HandDesignedSpec::kMomentum:
      return spec.momentum().learning_rate();
    case v1::HandDesignedSpec::kNag:
      return spec.nag().learning_rate();
    case v1::HandDesignedSpec::kRmsprop:
      return spec.rmsprop().learning_rate();
    case v1::HandDesignedSpec::kAdam:
      return spec.adam().learning_rate();
    case v1::HandDesignedSpec::RULE_NOT_SET:
      return 0;
  }
  return 0;
}

}  // namespace metastep

#endif  // METASTEP_TESTS_CLIENT_FAKE_EVALUATOR_H_
