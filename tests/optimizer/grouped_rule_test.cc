#include "optimizer/grouped_rule.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "optimizer/recurrent_rule.h"
#include "tests/optimizer/recurrent_testing.h"

namespace metastep {
namespace {

TEST(MatchesGlobTest, TakesStarsAndQuestionMarks) {
  EXPECT_TRUE(MatchesGlob("*", ""));
  EXPECT_TRUE(MatchesGlob("*", "layer0.weight"));
  EXPECT_TRUE(MatchesGlob("layer?.weight", "layer0.weight"));
  EXPECT_TRUE(MatchesGlob("*.weight", "layer0.weight"));
  EXPECT_TRUE(MatchesGlob("l*0*t", "layer0.weight"));
  EXPECT_TRUE(MatchesGlob("*ab", "aab"));
  EXPECT_TRUE(MatchesGlob("", ""));
  EXPECT_FALSE(MatchesGlob("", "a"));
  EXPECT_FALSE(MatchesGlob("?", ""));
  EXPECT_FALSE(MatchesGlob("layer?.weight", "layer10.weight"));
  EXPECT_FALSE(MatchesGlob("*.weight", "layer0.weights"));
  EXPECT_FALSE(MatchesGlob("*.bias", "layer0.weight"));
  EXPECT_FALSE(MatchesGlob("[a-z]", "a"));
}

// A matcher that tries every split would take longer than the universe has.
TEST(MatchesGlobTest, TakesTimeInProportion) {
  std::string glob;
  for (int i = 0; i < 64; ++i) glob += "a*";
  EXPECT_FALSE(MatchesGlob(glob + "b", std::string(256, 'a')));
}

// Coordinates [0, 21) and [40, 50) are served by the first rule, [21, 40) by
// the second, whose cell, state and phi are others.
class GroupedRuleTest : public testing::Test {
 protected:
  static constexpr int64_t kCoordinates = 50;
  const std::vector<RuleSegment> segments_ = {
      {0, 21, 0}, {21, 19, 1}, {40, 10, 0}};

  static std::unique_ptr<const LearnedRule> Rule(size_t i) {
    const RecurrentArchitecture architecture = TestArchitecture(
        {.cell = i == 0 ? kLstm : kGru, .hidden = {i == 0 ? 3 : 5}});
    return std::make_unique<RecurrentRule>(architecture, TestPhi(architecture));
  }
  static GroupedRule Grouped(const std::vector<RuleSegment>& segments) {
    std::vector<std::unique_ptr<const LearnedRule>> rules;
    rules.push_back(Rule(0));
    rules.push_back(Rule(1));
    return GroupedRule(std::move(rules), segments);
  }

  const GroupedRule grouped_ = Grouped(segments_);
  const std::vector<float> gradient_ = Normals(kCoordinates, 1, 0.1f);
};

TEST_F(GroupedRuleTest, HoldsPhiOfItsRulesInOrder) {
  const auto first = Rule(0), second = Rule(1);
  std::vector<float> phi(first->phi().begin(), first->phi().end());
  phi.insert(phi.end(), second->phi().begin(), second->phi().end());
  EXPECT_EQ(grouped_.phi(), absl::MakeConstSpan(phi));
}

// Segments of 21, 19 and 10 coordinates take 2, 2 and 1 blocks, of 6, 5 and 6
// variables.
TEST_F(GroupedRuleTest, StartsTheStateOfASegmentAtABlock) {
  EXPECT_EQ(grouped_.StateFloats(kCoordinates), 16 * (2 * 6 + 2 * 5 + 6));
}

TEST_F(GroupedRuleTest, StepsEachPartByItsRule) {
  std::vector<float> state = Normals(grouped_.StateFloats(kCoordinates), 2);
  std::vector<float> expected_state = state;
  std::vector<float> update(kCoordinates), expected(kCoordinates);
  grouped_.Step(1, gradient_, absl::MakeSpan(state), absl::MakeSpan(update));
  int64_t state_begin = 0;
  for (const RuleSegment& segment : segments_) {
    const auto rule = Rule(segment.rule);
    const int64_t state_size = rule->StateFloats(segment.size);
    rule->Step(
        1, absl::MakeConstSpan(gradient_).subspan(segment.begin, segment.size),
        absl::MakeSpan(expected_state).subspan(state_begin, state_size),
        absl::MakeSpan(expected).subspan(segment.begin, segment.size));
    state_begin += state_size;
  }
  EXPECT_EQ(update, expected);
  EXPECT_EQ(state, expected_state);
}

TEST_F(GroupedRuleTest, BackpropagatesEachPartByItsRule) {
  const std::vector<float> state =
      Normals(grouped_.StateFloats(kCoordinates), 2);
  const std::vector<float> update_adjoint = Normals(kCoordinates, 3);
  const std::vector<float> after = Normals(state.size(), 4);
  std::vector<float> state_adjoint = after, expected_state_adjoint = after;
  std::vector<float> gradient_adjoint(kCoordinates), expected(kCoordinates);
  std::vector<double> phi_adjoint(grouped_.phi().size());
  std::vector<double> expected_phi_adjoint(phi_adjoint.size());
  grouped_.StepBackward(
      1, gradient_, state,
      {update_adjoint, absl::MakeSpan(state_adjoint),
       absl::MakeSpan(gradient_adjoint), absl::MakeSpan(phi_adjoint)});
  int64_t state_begin = 0;
  for (const RuleSegment& segment : segments_) {
    const auto rule = Rule(segment.rule);
    const auto coordinates = [&](auto span) {
      return span.subspan(segment.begin, segment.size);
    };
    const int64_t state_size = rule->StateFloats(segment.size);
    rule->StepBackward(
        1, coordinates(absl::MakeConstSpan(gradient_)),
        absl::MakeConstSpan(state).subspan(state_begin, state_size),
        {coordinates(absl::MakeConstSpan(update_adjoint)),
         absl::MakeSpan(expected_state_adjoint)
             .subspan(state_begin, state_size),
         coordinates(absl::MakeSpan(expected)),
         absl::MakeSpan(expected_phi_adjoint)
             .subspan(segment.rule == 0 ? 0 : Rule(0)->phi().size(),
                      rule->phi().size())});
    state_begin += state_size;
  }
  EXPECT_EQ(gradient_adjoint, expected);
  EXPECT_EQ(state_adjoint, expected_state_adjoint);
  EXPECT_EQ(phi_adjoint, expected_phi_adjoint);
}

// With one step a window is a step whose later state does not matter, and the
// adjoint of its update is the last loss's gradient and what is added to it.
TEST_F(GroupedRuleTest, WindowBackwardSplitsEveryStep) {
  const std::vector<float> state =
      Normals(grouped_.StateFloats(kCoordinates), 2);
  const std::vector<float> loss_gradient = Normals(kCoordinates, 3);
  const std::vector<float> added = Normals(kCoordinates, 4);
  std::vector<float> update_adjoint = loss_gradient;
  for (int64_t i = 0; i < kCoordinates; ++i) update_adjoint[i] += added[i];
  std::vector<float> state_adjoint(state.size());
  std::vector<double> phi_adjoint(grouped_.phi().size());
  std::vector<double> expected(phi_adjoint.size());
  grouped_.StepBackward(1, gradient_, state,
                        {update_adjoint,
                         absl::MakeSpan(state_adjoint),
                         {},
                         absl::MakeSpan(expected)});
  grouped_.WindowBackward({.gradients = {gradient_, loss_gradient},
                           .weights = {1.0f},
                           .state = state,
                           .first_step = 1,
                           .update_adjoints = {added}},
                          absl::MakeSpan(phi_adjoint));
  EXPECT_EQ(phi_adjoint, expected);
}

}  // namespace
}  // namespace metastep
