#include "optimizer/hand_designed.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "optimizer/rule_factory.h"
#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

std::unique_ptr<const UpdateRule> Rule(const std::string& text) {
  v1::HandDesignedSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  auto rule = MakeHandDesignedRule(spec);
  EXPECT_OK(rule);
  return rule.ok() ? *std::move(rule) : nullptr;
}

// The updates of one coordinate for these gradients, one after another.
std::vector<float> Updates(const UpdateRule& rule,
                           const std::vector<float>& gradients) {
  std::vector<float> state(rule.StateFloats(1));
  std::vector<float> updates(gradients.size());
  for (size_t t = 0; t < gradients.size(); ++t) {
    rule.Step(t + 1, absl::MakeConstSpan(gradients).subspan(t, 1),
              absl::MakeSpan(state), absl::MakeSpan(updates).subspan(t, 1));
  }
  return updates;
}

TEST(HandDesignedRuleTest, SgdFollowsTheGradient) {
  const auto rule = Rule("sgd { learning_rate: 0.5 }");
  EXPECT_THAT(Updates(*rule, {2, -4}), ElementsAre(-1, 2));
  EXPECT_EQ(rule->StateFloats(100), 0);
}

// v1 = -0.5 * 2 = -1; v2 = 0.75 * -1 - 0.5 * -4 = 1.25; v3 = 0.9375.
TEST(HandDesignedRuleTest, MomentumAccumulates) {
  const auto rule = Rule("momentum { learning_rate: 0.5 momentum: 0.75 }");
  EXPECT_THAT(Updates(*rule, {2, -4, 0}), ElementsAre(-1, 1.25, 0.9375));
}

// u = 0.75 v - 0.5 g, with v as above:
// -0.75 - 1 = -1.75; 0.9375 + 2 = 2.9375; 0.703125.
TEST(HandDesignedRuleTest, NagLooksAhead) {
  const auto rule = Rule("nag { learning_rate: 0.5 momentum: 0.75 }");
  EXPECT_THAT(Updates(*rule, {2, -4, 0}), ElementsAre(-1.75, 2.9375, 0.703125));
}

// s1 = 0.75 * 16 = 12 over alpha = 0.25; s2 = 0.25 * 12 + 0.75 * 4 = 6.
TEST(HandDesignedRuleTest, RmsPropDividesByTheRootMeanSquare) {
  const auto rule =
      Rule("rmsprop { learning_rate: 0.5 alpha: 0.25 epsilon: 0.125 }");
  EXPECT_THAT(Updates(*rule, {4, -2}),
              ElementsAre(FloatEq(-0.5 * 4 / (std::sqrt(12.0) + 0.125)),
                          FloatEq(0.5 * 2 / (std::sqrt(6.0) + 0.125))));
}

// beta1 = 0.5, beta2 = 0.75, g = 4, -2:
// m = 2, 0; v = 4, 4; m / (1 - 0.5^t) = 4, 0; v / (1 - 0.75^t) = 16, 4 /
// 0.4375. A third gradient of 2: m = 1, v = 4; m / 0.875, v / (1 - 0.421875).
TEST(HandDesignedRuleTest, AdamCorrectsItsBias) {
  const auto rule =
      Rule("adam { learning_rate: 0.5 beta1: 0.5 beta2: 0.75 epsilon: 0.125 }");
  EXPECT_THAT(Updates(*rule, {4, -2, 2}),
              ElementsAre(FloatEq(-0.5 * 4 / (4 + 0.125)), 0,
                          FloatEq(-0.5 * (1 / 0.875) /
                                  (std::sqrt(4 / 0.578125) + 0.125))));
}

// With torch7's defaults the first step of Adam is the learning rate against
// the gradient's sign, that of RMSprop ten times that: 1 / sqrt(1 - 0.99).
TEST(HandDesignedRuleTest, TakesTorch7sDefaults) {
  EXPECT_NEAR(Updates(*Rule("adam { learning_rate: 0.1 }"), {-3})[0], 0.1,
              1e-6);
  EXPECT_NEAR(Updates(*Rule("rmsprop { learning_rate: 0.1 }"), {3})[0], -1,
              1e-6);
  EXPECT_NEAR(Updates(*Rule("nag { learning_rate: 0.1 }"), {1})[0], -0.19,
              1e-6);
  EXPECT_THAT(Updates(*Rule("momentum { learning_rate: 0.1 }"), {1, 0}),
              ElementsAre(FloatEq(-0.1f), FloatEq(-0.09f)));
}

TEST(HandDesignedRuleTest, RefusesBadSpecs) {
  v1::HandDesignedSpec spec;
  spec.mutable_adam()->set_learning_rate(0.1);
  spec.mutable_adam()->set_beta1(1.5);
  EXPECT_THAT(MakeHandDesignedRule(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("beta1")));
  EXPECT_FALSE(MakeHandDesignedRule(v1::HandDesignedSpec()).ok());
}

class EachHandDesignedRuleTest : public testing::TestWithParam<std::string> {};

// The state of a block is its variables, 16 lanes each, so a range that starts
// at a block is stepped by itself.
TEST_P(EachHandDesignedRuleTest, StepsRangesAsItStepsTheWhole) {
  const auto rule = Rule(GetParam());
  std::vector<float> gradient(37);
  std::iota(gradient.begin(), gradient.end(), -18.0f);
  std::vector<float> state(rule->StateFloats(37)), part_state = state;
  std::vector<float> update(37), part_update(37);
  for (int step = 1; step <= 3; ++step) {
    rule->Step(step, gradient, absl::MakeSpan(state), absl::MakeSpan(update));
    const auto range = [&](int64_t begin, int64_t size) {
      rule->Step(step, absl::MakeConstSpan(gradient).subspan(begin, size),
                 absl::MakeSpan(part_state).subspan(rule->StateFloats(begin)),
                 absl::MakeSpan(part_update).subspan(begin, size));
    };
    range(16, 21);
    range(0, 16);
    EXPECT_EQ(part_update, update);
    EXPECT_EQ(part_state, state);
  }
}

TEST_P(EachHandDesignedRuleTest, KeepsNonFiniteGradientsToTheirCoordinate) {
  const auto rule = Rule(GetParam());
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    std::vector<float> state(rule->StateFloats(3)), update(3);
    rule->Step(1, {1, bad, 1}, absl::MakeSpan(state), absl::MakeSpan(update));
    EXPECT_FALSE(std::isfinite(update[1])) << bad;
    EXPECT_LT(update[0], 0);
    EXPECT_EQ(update[0], update[2]);
  }
}

INSTANTIATE_TEST_SUITE_P(Rules, EachHandDesignedRuleTest,
                         testing::Values("sgd { learning_rate: 0.1 }",
                                         "momentum { learning_rate: 0.1 }",
                                         "nag { learning_rate: 0.1 }",
                                         "rmsprop { learning_rate: 0.1 }",
                                         "adam { learning_rate: 0.1 }"));

TEST(SetLearningRateTest, SetsThatOfTheRuleThatIsSet) {
  for (const char* rule : {"sgd", "momentum", "nag", "rmsprop", "adam"}) {
    v1::RunSpec spec;
    const std::string path = absl::StrCat("training.outer.rule.", rule);
    ASSERT_OK(SetField(spec, path + ".learning_rate", "0.5"));
    v1::RunSpec expected = spec;
    ASSERT_OK(SetField(expected, path + ".learning_rate", "0.25"));
    SetLearningRate(0.25,
                    *spec.mutable_training()->mutable_outer()->mutable_rule());
    EXPECT_EQ(spec.DebugString(), expected.DebugString());
  }
}

}  // namespace
}  // namespace metastep
