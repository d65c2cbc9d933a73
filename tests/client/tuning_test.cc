#include "client/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/client/fake_evaluator.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Least at that power of ten.
double ValleyAt(double exponent, double learning_rate) {
  return 1 + std::abs(std::log10(learning_rate) - exponent);
}

const TunedRule& Named(const std::vector<TunedRule>& rules, const char* name) {
  return *std::find_if(rules.begin(), rules.end(),
                       [&](const auto& rule) { return rule.name == name; });
}

TEST(TuningTest, ChoosesForSumAndForFinalLossSeparately) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry& entry) {
    const double rate = LearningRateOf(entry.hand_designed());
    const double shift = entry.hand_designed().has_adam() ? -1 : 0;
    return FakeEvaluator::Losses{ValleyAt(-1 + shift, rate),
                                 ValleyAt(-2 + shift, rate)};
  });
  ASSERT_OK_AND_ASSIGN(const auto tuned,
                       TuneHandDesignedRules(evaluator, HandDesignedRuleNames(),
                                             /*tasks=*/3,
                                             /*steps=*/50));
  ASSERT_EQ(tuned.size(), 5u);
  EXPECT_NEAR(Named(tuned, "nag").learning_rate_sum, 0.1, 1e-12);
  EXPECT_NEAR(Named(tuned, "nag").learning_rate_final, 0.01, 1e-12);
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_sum, 0.01, 1e-12);
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_final, 0.001, 1e-12);
  // No best lies at an edge: 9 coarse rates from 10^-3.5 to 10^0.5, one more
  // (10) for SGD and NAG; then two on each side of both bests.
  ASSERT_EQ(evaluator.asked.size(), 2u);
  EXPECT_EQ(evaluator.asked[0].entries_size(), 3 * 9 + 2 * 10);
  EXPECT_EQ(evaluator.asked[1].entries_size(), 5 * 2 * 4);
  EXPECT_EQ(evaluator.asked[0].tasks_from(), v1::EvaluationSpec::TUNING);
  EXPECT_EQ(evaluator.asked[0].tasks(), 3);
  EXPECT_EQ(evaluator.asked[0].steps(), 50);
}

TEST(TuningTest, EveryRuleIsItself) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry& entry) {
    // Only momentum is good, and only at 10^-3.
    const bool good = entry.hand_designed().has_momentum();
    const double loss =
        ValleyAt(-3, LearningRateOf(entry.hand_designed())) + (good ? 0 : 9);
    return FakeEvaluator::Losses{loss, loss};
  });
  ASSERT_OK(TuneHandDesignedRules(evaluator, HandDesignedRuleNames(), 1, 1));
  int kinds[6] = {};
  for (const auto& entry : evaluator.asked[0].entries()) {
    ++kinds[entry.hand_designed().rule_case()];
    const std::string name = entry.label().substr(0, entry.label().find(' '));
    EXPECT_EQ(HandDesignedRule(name, 1).rule_case(),
              entry.hand_designed().rule_case());
  }
  EXPECT_THAT(kinds, testing::ElementsAre(0, 10, 9, 10, 9, 9));
}

TEST(TuningTest, RefinesBetweenCoarseRates) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry& entry) {
    // -4/6 lies between the coarse -3/6 and -6/6.
    const double loss =
        ValleyAt(-4.0 / 6, LearningRateOf(entry.hand_designed()));
    return FakeEvaluator::Losses{loss, loss};
  });
  ASSERT_OK_AND_ASSIGN(const auto tuned,
                       TuneHandDesignedRules(evaluator, {"rmsprop"}, 1, 1));
  ASSERT_EQ(tuned.size(), 1u);
  EXPECT_EQ(tuned[0].name, "rmsprop");
  EXPECT_NEAR(tuned[0].learning_rate_final, std::pow(10, -4.0 / 6), 1e-12);
}

TEST(TuningTest, DivergedLearningRatesLose) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry& entry) {
    const double rate = LearningRateOf(entry.hand_designed());
    // The larger the better, until it diverges above 0.5.
    const double loss = rate > 0.5 ? kNan : 1 / rate;
    return FakeEvaluator::Losses{loss, loss};
  });
  ASSERT_OK_AND_ASSIGN(
      const auto tuned,
      TuneHandDesignedRules(evaluator, HandDesignedRuleNames(), 1, 1));
  // The grid's largest rate below 0.5 is 10^(-2/6) = 0.464.
  EXPECT_NEAR(tuned[0].learning_rate_sum, std::pow(10, -2.0 / 6), 1e-12);
  EXPECT_NEAR(tuned[0].learning_rate_final, std::pow(10, -2.0 / 6), 1e-12);
}

TEST(TuningTest, GrowsTheGridWhileTheBestLiesAtItsEdge) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry& entry) {
    const double rate = LearningRateOf(entry.hand_designed());
    const bool adam = entry.hand_designed().has_adam();
    return FakeEvaluator::Losses{ValleyAt(adam ? -5.5 : -2, rate),
                                 ValleyAt(adam ? 2 : -2, rate)};
  });
  ASSERT_OK_AND_ASSIGN(
      const auto tuned,
      TuneHandDesignedRules(evaluator, HandDesignedRuleNames(), 1, 1));
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_sum, std::pow(10, -5.5),
              1e-12);
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_final, 100, 1e-9);
  // Of Adam alone, by two rates at each edge: 10^-4.5 and 10^1.5; 10^-5.5 and
  // 10^2.5, where the lower edge is the valley itself; then 10^-6.5. The last
  // evaluation refines.
  ASSERT_EQ(evaluator.asked.size(), 5u);
  EXPECT_EQ(evaluator.asked[1].entries_size(), 4);
  EXPECT_EQ(evaluator.asked[2].entries_size(), 4);
  EXPECT_EQ(evaluator.asked[3].entries_size(), 2);
}

TEST(TuningTest, EndsWhenEverythingDiverges) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry&) {
    return FakeEvaluator::Losses{kNan, kNan};
  });
  ASSERT_OK_AND_ASSIGN(
      const auto tuned,
      TuneHandDesignedRules(evaluator, HandDesignedRuleNames(), 1, 1));
  EXPECT_NEAR(tuned[0].learning_rate_sum, 1e-8, 1e-20);
}

}  // namespace
}  // namespace metastep
