#include "client/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/client/fake_evaluator.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

v1::ModelInfo ModelVersion(int64_t version) {
  v1::ModelInfo model;
  model.set_name("m");
  model.set_version(version);
  model.add_rules()->mutable_rule()->mutable_lstm();
  return model;
}

// Models lose 1; baselines lose their rate's distance from 0.1 (sum) and from
// 0.01 (final).
FakeEvaluator MakeEvaluator() {
  return FakeEvaluator([](const v1::EvaluationEntry& entry) {
    if (entry.has_model()) return FakeEvaluator::Losses{1, 1};
    const double exponent = std::log10(LearningRateOf(entry.hand_designed()));
    return FakeEvaluator::Losses{2 + std::abs(exponent + 1),
                                 2 + std::abs(exponent + 2)};
  });
}

TEST(ComparisonTest, TestsEachBaselineAtBothOfItsLearningRates) {
  FakeEvaluator evaluator = MakeEvaluator();
  ComparisonOptions options;
  options.models = {ModelVersion(4)};
  ASSERT_OK_AND_ASSIGN(const auto rules, Compare(evaluator, options));
  ASSERT_EQ(rules.size(), 6u);
  EXPECT_EQ(rules[0].name, "lstm");
  EXPECT_FALSE(rules[0].by_sum.learning_rate.has_value());
  EXPECT_EQ(rules[5].name, "adam");
  EXPECT_NEAR(*rules[5].by_sum.learning_rate, 0.1, 1e-12);
  EXPECT_NEAR(*rules[5].by_final.learning_rate, 0.01, 1e-12);
  EXPECT_NEAR(rules[5].by_sum.curve.sums_of_losses(0), 2, 1e-12);
  EXPECT_NEAR(rules[5].by_final.curve.final_losses(0), 2, 1e-12);

  const v1::EvaluationSpec& test = evaluator.asked.back();
  EXPECT_EQ(test.tasks_from(), v1::EvaluationSpec::TEST);
  EXPECT_EQ(test.tasks(), options.tasks);
  EXPECT_EQ(test.entries_size(), 1 + 2 * 5);
  EXPECT_EQ(test.entries(0).model().version(), 4);
}

TEST(ComparisonTest, SeveralModelsGoByNameAndVersion) {
  FakeEvaluator evaluator = MakeEvaluator();
  ComparisonOptions options;
  options.models = {ModelVersion(1), ModelVersion(2)};
  options.baselines = {};
  ASSERT_OK_AND_ASSIGN(const auto rules, Compare(evaluator, options));
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].name, "m@1");
  EXPECT_EQ(rules[1].name, "m@2");
  EXPECT_EQ(evaluator.asked.size(), 1u);
}

}  // namespace
}  // namespace metastep
