// The meta-gradient against LibTorch's autograd through the unrolled graph, in
// double, with the LSTM rule written anew from the paper's appendix A.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learner/learner.h"
#include "optimizee/closed_form.h"
#include "optimizer/rule_factory.h"
#include "tests/learner/known_quadratic.h"
#include "tests/learner/specs.h"

namespace metastep {
namespace {

using at::Tensor;

Tensor Gradient(const Tensor& of, const Tensor& with_respect_to,
                bool create_graph) {
  return torch::autograd::grad({of}, {with_respect_to}, /*grad_outputs=*/{},
                               /*retain_graph=*/true, create_graph)[0];
}

Tensor FromDoubles(const std::vector<double>& values, at::IntArrayRef shape) {
  return at::tensor(values, at::kDouble).view(shape);
}

// Takes the tensors out of phi one by one, in the model file's order.
class PhiReader {
 public:
  explicit PhiReader(Tensor phi) : phi_(std::move(phi)) {}

  Tensor Next(at::IntArrayRef shape) {
    const int64_t size = c10::multiply_integers(shape);
    begin_ += size;
    return phi_.slice(0, begin_ - size, begin_).view(shape);
  }

 private:
  const Tensor phi_;
  int64_t begin_ = 0;
};

// The rule of a resolved spec, for `rows` coordinates at once.
class LstmRule {
 public:
  LstmRule(const v1::LstmSpec& spec, const Tensor& phi, int64_t rows)
      : spec_(spec) {
    PhiReader reader(phi);
    int64_t inputs = spec.preprocessing().has_log_and_sign() ? 2 : 1;
    for (const int64_t units : spec.hidden()) {
      const Tensor zeros = at::zeros({rows, units}, at::kDouble);
      const Tensor weight = reader.Next({inputs + units, 4 * units});
      layers_.push_back({weight, reader.Next({4 * units}), zeros, zeros});
      inputs = units;
    }
    output_weight_ = reader.Next({inputs, 1});
    output_bias_ = reader.Next({1});
  }

  // gradient [rows] -> update [rows]
  Tensor Step(const Tensor& gradient) {
    Tensor x = Preprocess(gradient);
    for (Layer& layer : layers_) x = Advance(layer, x);
    const Tensor output = at::addmm(output_bias_, x, output_weight_);
    return spec_.output_scale() * output.squeeze(1);
  }

 private:
  struct Layer {
    Tensor weight, bias;  // gates i, j, f, o
    Tensor h, c;
  };

  Tensor Preprocess(const Tensor& gradient) const {
    if (!spec_.preprocessing().has_log_and_sign()) return gradient.unsqueeze(1);
    const double p = spec_.preprocessing().log_and_sign().p();
    const Tensor log = (gradient.abs() + std::ldexp(1.0, -23)).log() / p;
    return at::stack({log.clamp_min(-1), (gradient * std::exp(p)).clamp(-1, 1)},
                     1);
  }

  Tensor Advance(Layer& layer, const Tensor& x) const {
    const auto gates =
        at::addmm(layer.bias, at::cat({x, layer.h}, 1), layer.weight)
            .chunk(4, 1);
    const Tensor keep = (gates[2] + spec_.forget_bias()).sigmoid();
    layer.c = keep * layer.c + gates[0].sigmoid() * gates[1].tanh();
    layer.h = gates[3].sigmoid() * layer.c.tanh();
    return layer.h;
  }

  const v1::LstmSpec spec_;
  std::vector<Layer> layers_;
  Tensor output_weight_, output_bias_;
};

struct Problem {
  Tensor w;        // [P, D, D]
  Tensor y;        // [P, D]
  Tensor theta_0;  // [P, D]

  // Losses of the problems, [P].
  Tensor Losses(const Tensor& theta) const {
    const Tensor residual = w.bmm(theta.unsqueeze(2)).squeeze(2) - y;
    return residual.square().sum(1);
  }
};

// dL/dphi of one unroll of L = sum_t mean of the problems' losses at theta_t.
Tensor MetaGradient(const v1::TrainingSpec& spec, const Problem& problem,
                    const std::vector<float>& phi_values) {
  const bool exact = spec.unroll().second_derivatives();
  const Tensor phi =
      at::tensor(phi_values, at::kDouble).set_requires_grad(true);
  LstmRule rule(spec.rules(0).rule().lstm(), phi, problem.theta_0.numel());
  Tensor theta = problem.theta_0.clone().set_requires_grad(true);
  Tensor meta_loss = problem.Losses(theta).mean();
  for (int t = 0; t < spec.unroll().horizon(); ++t) {
    const Tensor at = exact ? theta : theta.detach().set_requires_grad(true);
    const Tensor gradient = Gradient(problem.Losses(at).sum(), at, exact);
    theta = theta + rule.Step(gradient.flatten()).view_as(theta);
    meta_loss = meta_loss + problem.Losses(theta).mean();
  }
  return Gradient(meta_loss, phi, /*create_graph=*/false);
}

struct Case {
  std::string name;
  std::string rule;
  bool exact;
};

void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }

class AutogradTest : public ::testing::TestWithParam<Case> {
 protected:
  // Both sides start from the same float phi and differ by float's rounding in
  // ours, 6e-8 an operation: 6e-6 if the errors of the some hundred dependent
  // operations along the 8 steps all add. To second order the cosine is then
  // 1 - 6e-6^2 / 2. (Measured: 1e-7.)
  void ExpectAutogradsGradient(std::shared_ptr<const TaskFamily> family,
                               const Problem& problem) {
    const v1::TrainingSpec spec = ResolvedTraining(absl::StrCat(
        "rules { name: 'rule' rule { lstm { ", GetParam().rule,
        " } } } unroll { horizon: 8 window: 8 second_derivatives: ",
        GetParam().exact ? "true" : "false", " }"));
    const std::vector<float> phi = InitialPhi(spec.rules(), /*seed=*/1);
    const auto learner = MakeTruncatedBptt(spec, std::move(family));
    const auto lane = learner->Start(TrainingKey()).value();
    const Tensor ours = at::tensor(
        learner->RunWindow(phi, *lane).value().meta_gradient, at::kDouble);
    const Tensor autograds = MetaGradient(spec, problem, phi);

    const double relative_error =
        ((ours - autograds).norm() / autograds.norm()).item<double>();
    const double cosine =
        (ours.dot(autograds) / (ours.norm() * autograds.norm())).item<double>();
    EXPECT_LT(relative_error, 6e-6);
    EXPECT_GT(cosine, 1 - 1.8e-11);
  }
};

TEST_P(AutogradTest, AgreesOnABatchOfQuadratics) {
  constexpr int64_t kProblems = 3;
  constexpr int64_t kDimensions = 4;
  const QuadraticNumbers numbers = RandomQuadratic(kProblems, kDimensions);
  ExpectAutogradsGradient(
      std::make_shared<KnownQuadraticFamily>(
          std::vector<ParameterTensor>{{"theta", {kProblems, kDimensions}}},
          numbers),
      {.w = FromDoubles(numbers.w, {kProblems, kDimensions, kDimensions}),
       .y = FromDoubles(numbers.y, {kProblems, kDimensions}),
       .theta_0 = at::zeros({kProblems, kDimensions}, at::kDouble)});
}

TEST_P(AutogradTest, AgreesOnSquare) {
  ExpectAutogradsGradient(MakeClosedFormFamily(ResolvedTask("square {}")),
                          {.w = at::ones({1, 1, 1}, at::kDouble),
                           .y = at::zeros({1, 1}, at::kDouble),
                           .theta_0 = at::ones({1, 1}, at::kDouble)});
}

INSTANTIATE_TEST_SUITE_P(
    Rules, AutogradTest,
    ::testing::Values(Case{"PaperFirstOrder", "preset: PAPER", false},
                      Case{"PaperExact", "preset: PAPER", true},
                      Case{"IdentityFirstOrder", "preset: IDENTITY", false},
                      Case{"IdentityExact", "preset: IDENTITY", true},
                      Case{"OneLayerExact", "hidden: 5 output_scale: 0.1",
                           true}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace metastep
