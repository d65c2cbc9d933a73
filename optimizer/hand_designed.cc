#include "optimizer/hand_designed.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace metastep {
namespace {

// A formula has kVariables state variables a coordinate, At(step) for what
// depends on the step alone, and operator() that moves one coordinate's
// variables on (they lie kBlock apart) and returns its update.
constexpr int64_t kBlock = UpdateRule::kBlock;

template <typename Formula>
class FormulaRule final : public UpdateRule {
 public:
  explicit FormulaRule(Formula formula) : formula_(std::move(formula)) {}

  int64_t StateFloats(int64_t n) const override {
    return BlockedFloats(Formula::kVariables, n);
  }

  void Step(int64_t step, absl::Span<const float> gradient,
            absl::Span<float> state, absl::Span<float> update) const override {
    const Formula formula = formula_.At(step);
    const int64_t n = gradient.size();
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      float* block = state.data() + begin * Formula::kVariables;
      const int64_t lanes = std::min(kBlock, n - begin);
      for (int64_t lane = 0; lane < lanes; ++lane) {
        update[begin + lane] = formula(gradient[begin + lane], block + lane);
      }
    }
  }

 private:
  const Formula formula_;
};

struct Sgd {
  static constexpr int64_t kVariables = 0;
  float learning_rate;

  Sgd At(int64_t /*step*/) const { return *this; }
  float operator()(float g, float* /*state*/) const {
    return -learning_rate * g;
  }
};

struct Momentum {
  static constexpr int64_t kVariables = 1;
  float learning_rate;
  float momentum;

  Momentum At(int64_t /*step*/) const { return *this; }
  float operator()(float g, float* v) const {
    *v = momentum * *v - learning_rate * g;
    return *v;
  }
};

struct Nag {
  static constexpr int64_t kVariables = 1;
  float learning_rate;
  float momentum;

  Nag At(int64_t /*step*/) const { return *this; }
  float operator()(float g, float* v) const {
    *v = momentum * *v - learning_rate * g;
    return momentum * *v - learning_rate * g;
  }
};

struct RmsProp {
  static constexpr int64_t kVariables = 1;
  float learning_rate;
  float alpha;
  float one_minus_alpha;
  float epsilon;

  RmsProp At(int64_t /*step*/) const { return *this; }
  float operator()(float g, float* s) const {
    *s = alpha * *s + one_minus_alpha * g * g;
    return -learning_rate * g / (std::sqrt(*s) + epsilon);
  }
};

struct Adam {
  static constexpr int64_t kVariables = 2;
  double beta1;
  double beta2;
  float learning_rate;  // of the step, with the first moment's correction
  float one_minus_beta1;
  float one_minus_beta2;
  float epsilon;
  float second_correction = 1;  // 1 / (1 - beta2^step)

  Adam At(int64_t step) const {
    Adam at = *this;
    const double t = static_cast<double>(step);
    at.learning_rate =
        static_cast<float>(learning_rate / (1 - std::pow(beta1, t)));
    at.second_correction = static_cast<float>(1 / (1 - std::pow(beta2, t)));
    return at;
  }
  float operator()(float g, float* state) const {
    float& m = state[0];
    float& v = state[kBlock];
    m = static_cast<float>(beta1) * m + one_minus_beta1 * g;
    v = static_cast<float>(beta2) * v + one_minus_beta2 * g * g;
    return -learning_rate * m / (std::sqrt(v * second_correction) + epsilon);
  }
};

// 1 - x, rounded once.
float OneMinus(double x) { return static_cast<float>(1 - x); }
float Rounded(double x) { return static_cast<float>(x); }

template <typename Formula>
std::unique_ptr<const UpdateRule> RuleOf(Formula formula) {
  return std::make_unique<FormulaRule<Formula>>(formula);
}

}  // namespace

std::unique_ptr<const UpdateRule> HandDesignedRule(
    const v1::HandDesignedSpec& spec) {
  switch (spec.rule_case()) {
    case v1::HandDesignedSpec::kSgd:
      return RuleOf(Sgd{Rounded(spec.sgd().learning_rate())});
    case v1::HandDesignedSpec::kMomentum:
      return RuleOf(Momentum{Rounded(spec.momentum().learning_rate()),
                             Rounded(spec.momentum().momentum())});
    case v1::HandDesignedSpec::kNag:
      return RuleOf(Nag{Rounded(spec.nag().learning_rate()),
                        Rounded(spec.nag().momentum())});
    case v1::HandDesignedSpec::kRmsprop:
      return RuleOf(RmsProp{Rounded(spec.rmsprop().learning_rate()),
                            Rounded(spec.rmsprop().alpha()),
                            OneMinus(spec.rmsprop().alpha()),
                            Rounded(spec.rmsprop().epsilon())});
    case v1::HandDesignedSpec::kAdam:
      return RuleOf(Adam{
          spec.adam().beta1(), spec.adam().beta2(),
          Rounded(spec.adam().learning_rate()), OneMinus(spec.adam().beta1()),
          OneMinus(spec.adam().beta2()), Rounded(spec.adam().epsilon())});
    case v1::HandDesignedSpec::RULE_NOT_SET:
      return nullptr;
  }
  return nullptr;
}

void SetLearningRate(double learning_rate, v1::HandDesignedSpec& spec) {
  switch (spec.rule_case()) {
    case v1::HandDesignedSpec::kSgd:
      spec.mutable_sgd()->set_learning_rate(learning_rate);
      break;
    case v1::HandDesignedSpec::kMomentum:
      spec.mutable_momentum()->set_learning_rate(learning_rate);
      break;
    case v1::HandDesignedSpec::kNag:
      spec.mutable_nag()->set_learning_rate(learning_rate);
      break;
    case v1::HandDesignedSpec::kRmsprop:
      spec.mutable_rmsprop()->set_learning_rate(learning_rate);
      break;
    case v1::HandDesignedSpec::kAdam:
      spec.mutable_adam()->set_learning_rate(learning_rate);
      break;
    case v1::HandDesignedSpec::RULE_NOT_SET:
      std::abort();
  }
}

}  // namespace metastep
