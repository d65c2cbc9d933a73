#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learner/evaluation.h"
#include "learner/learner.h"
#include "optimizee/closed_form.h"
#include "optimizer/rule_factory.h"
#include "tests/learner/known_quadratic.h"
#include "tests/learner/specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Ne;
using ::testing::Pointwise;
using ::testing::SizeIs;

// u = w g + b with phi = (w, b), both 0 at first.
constexpr char kLinearRule[] =
    "rules { name: 'linear' rule { lstm { initialization: ZEROS } } } ";
constexpr char kPaperRule[] =
    "rules { name: 'lstm' rule { lstm { preset: PAPER } } } ";

std::shared_ptr<const TaskFamily> Square() {
  return MakeClosedFormFamily(ResolvedTask("square {}"));
}

std::shared_ptr<const TaskFamily> SmallQuadratics() {
  return MakeClosedFormFamily(ResolvedTask(
      "quadratic { distribution: GAUSSIAN dimensions: 4 problems: 3 }"));
}

std::vector<double> Losses(const std::vector<WindowOutcome>& windows) {
  std::vector<double> losses;
  for (const WindowOutcome& window : windows) {
    if (!losses.empty()) losses.pop_back();  // the shared boundary
    losses.insert(losses.end(), window.losses.begin(), window.losses.end());
  }
  return losses;
}

// All windows of the first unroll under one phi.
std::vector<WindowOutcome> RunUnroll(const v1::TrainingSpec& spec,
                                     std::shared_ptr<const TaskFamily> family,
                                     absl::Span<const float> phi) {
  const auto learner = MakeTruncatedBptt(spec, std::move(family));
  const auto lane = learner->Start(TrainingKey()).value();
  std::vector<WindowOutcome> windows;
  for (int t = 0; t < spec.unroll().horizon(); t += spec.unroll().window()) {
    windows.push_back(learner->RunWindow(phi, *lane).value());
  }
  return windows;
}

// Meta-trains the linear rule from zero on x^2 as DM's code does: Adam with
// learning rate 0.01 after every window, theta carried over from window to
// window of an epoch. Returns the losses of the last window.
std::vector<double> TrainOnSquare(int epochs, int windows, int window) {
  const auto spec = ResolvedTraining(
      absl::StrCat(kLinearRule, "unroll { horizon: ", windows * window,
                   " window: ", window, " }"));
  const auto learner = MakeTruncatedBptt(spec, Square());
  const auto adam =
      MakeHandDesignedRule(ResolvedRule("adam { learning_rate: 0.01 }"))
          .value();
  std::vector<float> phi = {0, 0};
  std::vector<float> adam_state(adam->StateFloats(2));
  std::vector<double> losses;
  int64_t outer_step = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto lane = learner->Start(TrainingKey()).value();
    for (int w = 0; w < windows; ++w) {
      const WindowOutcome outcome = learner->RunWindow(phi, *lane).value();
      losses = outcome.losses;
      std::vector<float> update(2);
      adam->Step(++outer_step, outcome.meta_gradient,
                 absl::MakeSpan(adam_state), absl::MakeSpan(update));
      for (int i = 0; i < 2; ++i) phi[i] += update[i];
    }
  }
  return losses;
}

// learning-to-learn's meta_test.py, testSimple. DM's "cost" is f after the last
// step. Window 1: w = b = 0, so x stays at 1; Adam's first step takes both to
// -0.01. Window 2: x <- x - 0.01 (2 x) - 0.01 = 0.98 x - 0.01, which five times
// from 1 gives -0.5 + 1.5 * 0.98^5 = 0.8558812, whose square is 0.7325326.
TEST(TruncatedBpttGoldenTest, TwoWindowsOnSquare) {
  const std::vector<double> losses =
      TrainOnSquare(/*epochs=*/1, /*windows=*/2, /*window=*/5);
  EXPECT_NEAR(losses.back(), 0.7325326, 1e-6);
  EXPECT_NEAR(std::sqrt(losses.back()), 0.8558812, 1e-6);
}

// learning-to-learn's convergence_test.py, testSimple.
TEST(TruncatedBpttGoldenTest, ConvergesOnSquare) {
  EXPECT_LT(TrainOnSquare(/*epochs=*/500, /*windows=*/5, /*window=*/20).back(),
            1e-5);
}

// On x^2 from 1 with w = -1/4, b = 0: g_t = 2 x_t, x_{t+1} = x_t / 2, so
// x = 1, 1/2, 1/4 and L = 1 + 1/4 + 1/16. dL = sum_s 2 x_s dx_s.
// First order, with g constant: dx_s/dw = g_0 + .. + g_{s-1} = 2, 3 and
// dx_s/db = s, so dL/dw = 1 * 2 + 1/2 * 3 = 3.5, dL/db = 1 + 1/2 * 2 = 2.
TEST(TruncatedBpttTest, FirstOrderGradientByHand) {
  const auto spec = ResolvedTraining(
      absl::StrCat(kLinearRule, "unroll { horizon: 2 window: 2 }"));
  const auto windows = RunUnroll(spec, Square(), {-0.25f, 0});
  EXPECT_THAT(windows[0].losses, ElementsAre(1, 0.25, 0.0625));
  EXPECT_THAT(windows[0].meta_gradient, ElementsAre(3.5, 2));
}

// As above with x_s = (1 + 2w)^s: dx_s/dw = 2 s (1/2)^(s-1) = 2, 2, and
// dx_s/db = 1, 1/2 + 1, so dL/dw = 1 * 2 + 1/2 * 2 = 3,
// dL/db = 1 + 1/2 * 3/2 = 1.75.
TEST(TruncatedBpttTest, ExactGradientByHand) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule, "unroll { horizon: 2 window: 2 second_derivatives: true }"));
  const auto windows = RunUnroll(spec, Square(), {-0.25f, 0});
  EXPECT_THAT(windows[0].meta_gradient, ElementsAre(3, 1.75));
}

// Both of the above, one after the other: unroll 1 is the second stage's.
TEST(TruncatedBpttTest, AStageOfItsOwnTakesSecondDerivatives) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule,
      "unroll { horizon: 2 window: 2 } stages { rounds: 1 } stages { rounds: 1 "
      "second_derivatives: true }"));
  const auto learner = MakeTruncatedBptt(spec, Square());
  const auto gradient_of = [&](uint32_t unroll) {
    RngKey key = TrainingKey();
    key.unroll = unroll;
    const auto lane = learner->Start(key).value();
    return learner->RunWindow({-0.25f, 0}, *lane).value().meta_gradient;
  };
  EXPECT_THAT(gradient_of(0), ElementsAre(3.5, 2));
  EXPECT_THAT(gradient_of(1), ElementsAre(3, 1.75));
}

// With only w_T = 1 the sums above keep their last term: 1/2 * 3, 1/2 * 2.
TEST(TruncatedBpttTest, LastWeightAloneGivesTheGradientOfTheFinalLoss) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule, "unroll { horizon: 2 window: 2 loss_weights: [0, 0, 1] }"));
  const auto windows = RunUnroll(spec, Square(), {-0.25f, 0});
  EXPECT_THAT(windows[0].meta_gradient, ElementsAre(1.5, 1));
}

// Windows of one step: x_0 is a constant of the first, x_1 = 1/2 of the second,
// so dL/dw = 2 x_{t+1} g_t = 1 * 2, then 1/2 * 1; dL/db = 2 x_{t+1}.
// The weights of the second window are w_1 (of a constant) and w_2 = 3.
TEST(TruncatedBpttTest, GradientStopsAtTheWindowsStart) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule, "unroll { horizon: 2 window: 1 loss_weights: [1, 1, 3] }"));
  const auto windows = RunUnroll(spec, Square(), {-0.25f, 0});
  EXPECT_THAT(windows[0].meta_gradient, ElementsAre(2, 1));
  EXPECT_THAT(windows[1].meta_gradient, ElementsAre(1.5, 1.5));
}

// On x^2 with c for the factor on x, and phi as above: x'_0 = 1 / c and g'_0 =
// c * 2, so x_1 = 1 - c^2 / 2 and f_1 = x_1^2; dL/dx'_1 = 2 x_1 c, so dL/dw =
// 2 x_1 c * 2 c and dL/db = 2 x_1 c, which tells c.
TEST(TruncatedBpttTest, TrainingTasksAreScaledAtRandom) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule, "random_scaling: 1 unroll { horizon: 1 window: 1 }"));
  const auto windows = RunUnroll(spec, Square(), {-0.25f, 0});
  const auto& gradient = windows[0].meta_gradient;
  const double c = double{gradient[0]} / gradient[1] / 2;
  EXPECT_GT(std::abs(std::log(c)), 1e-3);
  EXPECT_LE(std::abs(std::log(c)), 1);
  const double x = 1 - c * c / 2;
  EXPECT_NEAR(gradient[1], 2 * x * c, 1e-5);
  EXPECT_NEAR(windows[0].losses[1], x * x, 1e-5);
}

// With phi half of the above and updates twice as large all is as above, but
// for du/dphi, which is twice as large.
TEST(TruncatedBpttTest, TrainingTakesStepsWithTheMargin) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule, "step_margin: 2 unroll { horizon: 2 window: 2 }"));
  const auto windows = RunUnroll(spec, Square(), {-0.125f, 0});
  EXPECT_THAT(windows[0].losses, ElementsAre(1, 0.25, 0.0625));
  EXPECT_THAT(windows[0].meta_gradient, ElementsAre(7, 4));
}

// The linear rule of `FirstOrderGradientByHand`, with SGD of this rate as its
// teacher.
std::vector<float> ImitatingGradient(double rate, absl::string_view weight,
                                     bool exact) {
  const auto spec = ResolvedTraining(absl::StrCat(
      kLinearRule,
      "unroll { window: 2 second_derivatives: ", exact ? "true" : "false",
      "} stages { rounds: 1 horizon: 2 imitation { rule { sgd { "
      "learning_rate: ",
      rate, " } } ", weight, " } }"));
  const auto learner = MakeTruncatedBptt(spec, Square());
  const auto lane = learner->Start(TrainingKey()).value();
  const auto window = learner->RunWindow({-0.25f, 0}, *lane).value();
  EXPECT_THAT(window.losses, ElementsAre(1, 0.25, 0.0625));
  return window.meta_gradient;
}

// g = 2, 1 and u_t = -g_t / 4, while SGD of rate 1/2 makes v_t = -g_t / 2. So
// dL/du_t has 2 (u_t - v_t) / v_t^2 = 2 / g_t = 1, 2 more than above, and dL/dw
// 1 * 2 + 2 * 1, dL/db 1 + 2.
TEST(TruncatedBpttTest, ImitationsFirstOrderGradientByHand) {
  EXPECT_THAT(ImitatingGradient(0.5, "", false), ElementsAre(3.5 + 4, 2 + 3));
  EXPECT_THAT(ImitatingGradient(0.5, "weight: 2", false),
              ElementsAre(3.5 + 8, 2 + 6));
}

// Exact: u_1 = w * 2 x_1 + b with x_1 = 1 + 2w + b, so du_1/dw = 2 x_1 + 4 w =
// 0 and du_1/db = 2 w + 1 = 1/2, while v_1 is a constant: dL/dw has 1 * 2 + 2 *
// 0 more, dL/db 1 * 1 + 2 * 1/2.
TEST(TruncatedBpttTest, ImitationsExactGradientByHand) {
  EXPECT_THAT(ImitatingGradient(0.5, "", true), ElementsAre(3 + 2, 1.75 + 2));
}

TEST(TruncatedBpttTest, ThereIsNothingToImitateInNoUpdate) {
  EXPECT_THAT(ImitatingGradient(0, "", false), ElementsAre(3.5, 2));
}

// Whether the gradients are constants or not.
class TruncatedBpttModeTest : public ::testing::TestWithParam<bool> {
 protected:
  // `unroll` as in UnrollSpec.
  v1::TrainingSpec Spec(absl::string_view unroll) const {
    return ResolvedTraining(
        absl::StrCat(kPaperRule, "unroll { second_derivatives: ",
                     GetParam() ? "true " : "false ", unroll, " }"));
  }

  // The same with one stage, which imitates a rule that has a state.
  static v1::TrainingSpec Imitating(v1::TrainingSpec spec) {
    v1::StageSpec& stage = *spec.add_stages();
    stage.set_rounds(spec.rounds());
    stage.set_horizon(spec.unroll().horizon());
    stage.set_window(spec.unroll().window());
    stage.mutable_imitation()->set_weight(1);
    *stage.mutable_imitation()->mutable_rule() =
        ResolvedRule("adam { learning_rate: 0.01 }");
    return spec;
  }
};

INSTANTIATE_TEST_SUITE_P(Modes, TruncatedBpttModeTest, ::testing::Bool(),
                         [](const auto& mode) {
                           return mode.param ? "Exact" : "FirstOrder";
                         });

TEST_P(TruncatedBpttModeTest, WindowsJoinToOneEvaluation) {
  const auto spec = Spec("horizon: 12 window: 4");
  const std::vector<float> phi = InitialPhi(spec.rules(), 1);
  const auto task = SmallQuadratics()->Make(TrainingKey());
  ASSERT_OK_AND_ASSIGN(const auto rule,
                       MakeLearnedRule(spec.rules(), task->layout(), phi));
  ASSERT_OK_AND_ASSIGN(const std::vector<double> curve,
                       LossCurveOf(*rule, *task, 12));
  EXPECT_EQ(Losses(RunUnroll(spec, SmallQuadratics(), phi)), curve);
}

// With K = T nothing is cut. What comes after a window, when it has no weight,
// adds nothing to that window's gradient.
TEST_P(TruncatedBpttModeTest, FirstWindowIsTheWholeOfAShorterUnroll) {
  const auto truncated = Spec("horizon: 8 window: 4");
  const auto full =
      Spec("horizon: 8 window: 8 loss_weights: [1, 1, 1, 1, 1, 0, 0, 0, 0]");
  const std::vector<float> phi = InitialPhi(truncated.rules(), 1);
  const auto cut = RunUnroll(truncated, SmallQuadratics(), phi);
  const auto whole = RunUnroll(full, SmallQuadratics(), phi);
  EXPECT_THAT(whole[0].meta_gradient,
              Pointwise(FloatEq(), cut[0].meta_gradient));
}

TEST_P(TruncatedBpttModeTest, EveryMetaParameterHasAGradient) {
  const auto spec = Spec("horizon: 10 window: 5");
  const std::vector<float> phi = InitialPhi(spec.rules(), 1);
  const auto windows = RunUnroll(spec, SmallQuadratics(), phi);
  EXPECT_THAT(windows[1].meta_gradient, SizeIs(5141));
  EXPECT_THAT(windows[1].meta_gradient, Each(Ne(0)));
}

TEST_P(TruncatedBpttModeTest, ReplayLeavesTheLaneAsRunWindowDoes) {
  const auto spec = Imitating(Spec("horizon: 10 window: 5"));
  const std::vector<float> phi_0 = InitialPhi(spec.rules(), 1);
  const std::vector<float> phi_1 = InitialPhi(spec.rules(), 2);
  const auto learner = MakeTruncatedBptt(spec, SmallQuadratics());
  ASSERT_OK_AND_ASSIGN(const auto warm, learner->Start(TrainingKey()));
  ASSERT_OK(learner->RunWindow(phi_0, *warm));
  ASSERT_OK_AND_ASSIGN(const WindowOutcome from_warm,
                       learner->RunWindow(phi_1, *warm));

  ASSERT_OK_AND_ASSIGN(const auto replayed, learner->Start(TrainingKey()));
  ASSERT_OK(learner->Replay(phi_0, *replayed));
  ASSERT_OK_AND_ASSIGN(const WindowOutcome from_replayed,
                       learner->RunWindow(phi_1, *replayed));
  EXPECT_EQ(from_replayed.losses, from_warm.losses);
  EXPECT_EQ(from_replayed.meta_gradient, from_warm.meta_gradient);
}

TEST_P(TruncatedBpttModeTest, CloneGoesItsOwnWay) {
  const auto spec = Imitating(Spec("horizon: 10 window: 5"));
  const std::vector<float> phi = InitialPhi(spec.rules(), 1);
  const auto learner = MakeTruncatedBptt(spec, SmallQuadratics());
  ASSERT_OK_AND_ASSIGN(const auto lane, learner->Start(TrainingKey()));
  ASSERT_OK(learner->Replay(phi, *lane));
  const auto clone = lane->Clone();
  EXPECT_EQ(clone->bytes(), lane->bytes());
  ASSERT_OK_AND_ASSIGN(const WindowOutcome first,
                       learner->RunWindow(phi, *lane));
  ASSERT_OK_AND_ASSIGN(const WindowOutcome second,
                       learner->RunWindow(phi, *clone));
  EXPECT_EQ(second.losses, first.losses);
  EXPECT_EQ(second.meta_gradient, first.meta_gradient);
}

// Of two tasks of twelve coordinates; one says of no memory that it holds.
TEST(TruncatedBpttTest, ALaneCountsTheMemoryOfItsTask) {
  const auto bytes_of_lane = [](std::shared_ptr<const TaskFamily> family) {
    return MakeTruncatedBptt(ResolvedTraining(kPaperRule), std::move(family))
        ->Start(TrainingKey())
        .value()
        ->bytes();
  };
  const auto other = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"theta", {12}}}, RandomQuadratic(3, 4));
  const int64_t of_task = SmallQuadratics()->Make(TrainingKey())->bytes();
  EXPECT_GT(of_task, 0);
  EXPECT_EQ(bytes_of_lane(SmallQuadratics()), bytes_of_lane(other) + of_task);
}

// The loss is a sum over coordinates and the tensors "a" [2] and "b" [3] have
// rules of their own, so each rule gets what it gets where the other tensor
// does not exist.
TEST_P(TruncatedBpttModeTest, GroupsGetTheGradientsTheyGetAlone) {
  const std::string unroll =
      absl::StrCat("unroll { horizon: 6 window: 6 second_derivatives: ",
                   GetParam() ? "true" : "false", " }");
  const std::string rule_a =
      "rules { name: 'first' parameters: 'a' rule { lstm { hidden: 3 } } } ";
  const std::string rule_b =
      "rules { name: 'second' parameters: 'b' rule { lstm { preset: DM } } } ";
  const auto family_a = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"a", {2}}}, SeparableQuadratic({1, 0.5}));
  const auto family_b = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"b", {3}}},
      SeparableQuadratic({0.25, -1, 2}));
  const auto family_both = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"a", {2}}, {"b", {3}}},
      SeparableQuadratic({1, 0.5, 0.25, -1, 2}));
  const auto spec = ResolvedTraining(absl::StrCat(rule_a, rule_b, unroll));
  const std::vector<float> phi = InitialPhi(spec.rules(), 1);

  const auto spec_a = ResolvedTraining(absl::StrCat(rule_a, unroll));
  const auto spec_b = ResolvedTraining(absl::StrCat(rule_b, unroll));
  const int64_t size_a = PhiSize(spec_a.rules());
  const absl::Span<const float> phi_a(phi.data(), size_a);
  const absl::Span<const float> phi_b(phi.data() + size_a, phi.size() - size_a);
  std::vector<float> alone =
      RunUnroll(spec_a, family_a, phi_a)[0].meta_gradient;
  const std::vector<float> alone_b =
      RunUnroll(spec_b, family_b, phi_b)[0].meta_gradient;
  alone.insert(alone.end(), alone_b.begin(), alone_b.end());
  EXPECT_EQ(RunUnroll(spec, family_both, phi)[0].meta_gradient, alone);
}

// A window's last evaluation is the next one's first, and a window's start is a
// constant, whose Hessian the exact mode does not need.
TEST_P(TruncatedBpttModeTest, EvaluatesOnceAStepAndOnceBeforeTheFirst) {
  const auto family = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"theta", {2}}}, RandomQuadratic(1, 2));
  const auto spec = Spec("horizon: 6 window: 3");
  RunUnroll(spec, family, InitialPhi(spec.rules(), 1));
  EXPECT_THAT(family->calls().evaluations, ElementsAre(0, 1, 2, 3, 4, 5, 6));
  if (GetParam()) {
    EXPECT_THAT(family->calls().hessian_products, ElementsAre(2, 1, 5, 4));
  } else {
    EXPECT_THAT(family->calls().hessian_products, IsEmpty());
  }
}

TEST(TruncatedBpttErrorTest, RefusesPhiOfTheWrongSize) {
  const auto spec = ResolvedTraining(kLinearRule);
  const auto learner = MakeTruncatedBptt(spec, Square());
  ASSERT_OK_AND_ASSIGN(const auto lane, learner->Start(TrainingKey()));
  EXPECT_THAT(learner->RunWindow({1, 2, 3}, *lane),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3")));
}

TEST(TruncatedBpttErrorTest, RefusesAWindowPastTheHorizon) {
  const auto spec = ResolvedTraining(
      absl::StrCat(kLinearRule, "unroll { horizon: 4 window: 4 }"));
  const auto learner = MakeTruncatedBptt(spec, Square());
  ASSERT_OK_AND_ASSIGN(const auto lane, learner->Start(TrainingKey()));
  ASSERT_OK(learner->Replay({0, 0}, *lane));
  EXPECT_THAT(learner->Replay({0, 0}, *lane),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("step 4 of its horizon of 4")));
}

// Unrolls 0 and 1 (cut short after a window) are of the first stage.
TEST(TruncatedBpttErrorTest, AnUnrollHasTheHorizonAndWindowOfItsStage) {
  const auto spec = ResolvedTraining(
      absl::StrCat(kLinearRule,
                   "unroll { horizon: 4 window: 4 } stages { rounds: 3 "
                   "horizon: 8 } stages { rounds: 1 horizon: 12 window: 6 }"));
  const auto learner = MakeTruncatedBptt(spec, Square());
  for (const auto& [unroll, horizon, window] :
       {std::tuple(1, 8, 4), std::tuple(2, 12, 6)}) {
    RngKey key = TrainingKey();
    key.unroll = unroll;
    ASSERT_OK_AND_ASSIGN(const auto lane, learner->Start(key));
    for (int t = 0; t < horizon; t += window) {
      ASSERT_OK_AND_ASSIGN(const WindowOutcome outcome,
                           learner->RunWindow({0, 0}, *lane));
      EXPECT_EQ(outcome.losses.size(), window + 1);
    }
    EXPECT_THAT(learner->RunWindow({0, 0}, *lane),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr(absl::StrCat("its horizon of ", horizon))));
  }
}

TEST(TruncatedBpttErrorTest, NamesTheTensorThatNoRuleServes) {
  const auto family = std::make_shared<KnownQuadraticFamily>(
      std::vector<ParameterTensor>{{"bias", {1}}}, RandomQuadratic(1, 1));
  const auto spec = ResolvedTraining(
      "rules { name: 'r' parameters: '*.weight' rule { lstm {} } }");
  EXPECT_THAT(MakeTruncatedBptt(spec, family)->Start(TrainingKey()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("bias")));
}

}  // namespace
}  // namespace metastep
