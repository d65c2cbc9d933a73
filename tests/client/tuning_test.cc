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
                       TuneHandDesignedRules(evaluator, /*tasks=*/3,
                                             /*steps=*/50));
  ASSERT_EQ(tuned.size(), 5u);
  EXPECT_NEAR(Named(tuned, "nag").learning_rate_sum, 0.1, 1e-12);
  EXPECT_NEAR(Named(tuned, "nag").learning_rate_final, 0.01, 1e-12);
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_sum, 0.01, 1e-12);
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_final, 0.001, 1e-12);
  // No best lies at an edge: one evaluation, 28 rates from 1e-4 to 10^0.5.
  ASSERT_EQ(evaluator.asked.size(), 1u);
  EXPECT_EQ(evaluator.asked[0].entries_size(), 5 * 28);
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
  ASSERT_OK(TuneHandDesignedRules(evaluator, 1, 1));
  int kinds[6] = {};
  for (const auto& entry : evaluator.asked[0].entries()) {
    ++kinds[entry.hand_designed().rule_case()];
    const std::string name = entry.label().substr(0, entry.label().find(' '));
    EXPECT_EQ(HandDesignedRule(name, 1).rule_case(),
              entry.hand_designed().rule_case());
  }
  EXPECT_THAT(kinds, testing::ElementsAre(0, 28, 28, 28, 28, 28));
}

TEST(TuningTest, DivergedLearningRatesLose) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry& entry) {
    const double rate = LearningRateOf(entry.hand_designed());
    // The larger the better, until it diverges above 0.5.
    const double loss = rate > 0.5 ? kNan : 1 / rate;
    return FakeEvaluator::Losses{loss, loss};
  });
  ASSERT_OK_AND_ASSIGN(const auto tuned,
                       TuneHandDesignedRules(evaluator, 1, 1));
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
  ASSERT_OK_AND_ASSIGN(const auto tuned,
                       TuneHandDesignedRules(evaluator, 1, 1));
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_sum, std::pow(10, -5.5),
              1e-12);
  EXPECT_NEAR(Named(tuned, "adam").learning_rate_final, 100, 1e-9);
  // Both edges by a decade, 1e-5 and 10^1.5, then both again to 1e-6 and
  // 10^2.5, past the valleys; of Adam alone.
  ASSERT_EQ(evaluator.asked.size(), 3u);
  EXPECT_EQ(evaluator.asked[1].entries_size(), 12);
  EXPECT_EQ(evaluator.asked[2].entries_size(), 12);
}

TEST(TuningTest, EndsWhenEverythingDiverges) {
  FakeEvaluator evaluator([](const v1::EvaluationEntry&) {
    return FakeEvaluator::Losses{kNan, kNan};
  });
  ASSERT_OK_AND_ASSIGN(const auto tuned,
                       TuneHandDesignedRules(evaluator, 1, 1));
  EXPECT_NEAR(tuned[0].learning_rate_sum, 1e-8, 1e-20);
}

}  // namespace
}  // namespace metastep
