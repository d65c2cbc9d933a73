#include "client/experiment_verdict.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace metastep {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

v1::LossCurve Curve(const std::vector<double>& losses) {
  v1::LossCurve curve;
  curve.mutable_loss()->Add(losses.begin(), losses.end());
  curve.add_final_losses(losses.back());
  curve.add_sums_of_losses(
      std::accumulate(losses.begin(), losses.end() - 1, 0.0));
  return curve;
}

ComparedRule Learned(const std::string& name,
                     const std::vector<double>& losses) {
  return {name, {std::nullopt, Curve(losses)}, {std::nullopt, Curve(losses)}};
}

// Tuned for the sum, its sum is 6 (4 + 2) and its last loss 2; for the final
// loss, 8 (4 + 4) and 1.
ComparedRule Adam() {
  return {"adam", {0.1, Curve({4, 2, 2})}, {0.01, Curve({4, 4, 1})}};
}

Verdict JudgeOf(const std::vector<double>& losses, const std::string& what) {
  v1::ExperimentPart part;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "steps: 2 thresholds { model: 'm' " + what + " }", &part));
  return Judge(part,
               {Learned("m", losses), Learned("n", {4, 3, 3}), Adam()})[0];
}

TEST(ExperimentVerdictTest, LossAtAStep) {
  const Verdict verdict =
      JudgeOf({4, 3, 1}, "loss_at_step { step: 1 at_most: 3 }");
  EXPECT_TRUE(verdict.holds);
  EXPECT_EQ(verdict.measured, 3);
  EXPECT_EQ(verdict.claim, "m at step 1 at most 3");
  EXPECT_FALSE(
      JudgeOf({4, 3, 1}, "loss_at_step { step: 1 at_most: 2.9 }").holds);
}

TEST(ExperimentVerdictTest, FinalLossIsAgainstTheRuleTunedForIt) {
  // Adam at step 2: 1, not the 2 of its other learning rate.
  const std::string last = "below_baselines { first: 2 last: 2 mean_over: 1 }";
  EXPECT_TRUE(JudgeOf({4, 4, 0.9}, last).holds);
  EXPECT_FALSE(JudgeOf({4, 4, 1}, last).holds);
  const std::string end =
      "end_at_most_baseline { baseline: 'adam' mean_over: 1 }";
  EXPECT_TRUE(JudgeOf({4, 4, 1}, end).holds);
  EXPECT_FALSE(JudgeOf({4, 4, 1.1}, end).holds);
}

// Adam is at 2, at the rate for the sum, and then at 1, at the other.
TEST(ExperimentVerdictTest, EveryStepOfARangeIsBelowBothTunings) {
  const std::string range = "below_baselines { first: 1 last: 2 mean_over: 1 }";
  const Verdict nearest = JudgeOf({4, 1.5, 0.8}, range);
  EXPECT_TRUE(nearest.holds);
  EXPECT_EQ(nearest.claim, "m at steps 1 to 2 below every tuned baseline");
  EXPECT_EQ(nearest.measured, 0.8);
  EXPECT_EQ(nearest.limit, 1);
  const Verdict failed = JudgeOf({4, 2.5, 0.8}, range);
  EXPECT_FALSE(failed.holds);
  EXPECT_EQ(failed.measured, 2.5);
  EXPECT_EQ(failed.limit, 2);
  EXPECT_FALSE(JudgeOf({4, 1.5, 1.5}, range).holds);
}

// Adam's means of two are 3 and 2 at the rate for the sum, 4 and 2.5 at the
// other.
TEST(ExperimentVerdictTest, ARangeMayBeOfMeansOverSteps) {
  const std::string range = "below_baselines { first: 1 last: 2 mean_over: 2 }";
  const Verdict nearest = JudgeOf({4, 1.5, 2.25}, range);
  EXPECT_TRUE(nearest.holds);
  EXPECT_EQ(nearest.claim,
            "m at steps 1 to 2, in the mean over 2 steps, below every tuned "
            "baseline");
  EXPECT_EQ(nearest.measured, 1.875);
  EXPECT_EQ(nearest.limit, 2);
  EXPECT_FALSE(JudgeOf({4, 1.5, 2.75}, range).holds);
}

// Adam's last two losses are 4 and 1.
TEST(ExperimentVerdictTest, TheEndMayBeSeveralLosses) {
  const Verdict verdict = JudgeOf(
      {4, 3, 1.5}, "end_at_most_baseline { baseline: 'adam' mean_over: 2 }");
  EXPECT_TRUE(verdict.holds);
  EXPECT_EQ(verdict.measured, 2.25);
  EXPECT_EQ(verdict.limit, 2.5);
}

TEST(ExperimentVerdictTest, SumIsAgainstTheRuleTunedForIt) {
  // 5.5 is below Adam's 6; not below 0.9 times it.
  EXPECT_TRUE(JudgeOf({4, 1.5, 9}, "sum_below_baselines_times: 1").holds);
  EXPECT_FALSE(JudgeOf({4, 1.5, 9}, "sum_below_baselines_times: 0.9").holds);
  EXPECT_FALSE(JudgeOf({4, 3, 0}, "sum_below_baselines_times: 1").holds);
}

TEST(ExperimentVerdictTest, RiseIsAgainstTheBestBefore) {
  const std::string twice = "never_above_best { times: 2 mean_over: 1 }";
  const Verdict verdict = JudgeOf({4, 1, 1.5}, twice);
  EXPECT_TRUE(verdict.holds);
  EXPECT_EQ(verdict.measured, 1.5);
  EXPECT_FALSE(JudgeOf({4, 1, 2.5}, twice).holds);
  EXPECT_FALSE(JudgeOf({4, 1, kInf}, twice).holds);
}

// The means are 2 and 3.
TEST(ExperimentVerdictTest, RiseIsOfMeansOverSteps) {
  const Verdict verdict =
      JudgeOf({3, 1, 5}, "never_above_best { times: 2 mean_over: 2 }");
  EXPECT_TRUE(verdict.holds);
  EXPECT_EQ(verdict.measured, 1.5);
}

TEST(ExperimentVerdictTest, SumAgainstAnotherModel) {
  // n's sum is 7.
  EXPECT_TRUE(
      JudgeOf({4, 4, 0}, "sum_at_most_model { model: 'n' times: 1.2 }").holds);
  EXPECT_FALSE(
      JudgeOf({4, 5, 0}, "sum_at_most_model { model: 'n' times: 1.2 }").holds);
}

TEST(ExperimentVerdictTest, NothingHoldsOfANan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(
      JudgeOf({4, 1, nan}, "below_baselines { first: 1 last: 2 mean_over: 1 }")
          .holds);
  EXPECT_FALSE(JudgeOf({4, nan, 1}, "sum_below_baselines_times: 1").holds);
}

// Both are infinite, which is no claim kept.
TEST(ExperimentVerdictTest, WhatDivergedIsNotAtMostWhatDivergedToo) {
  v1::ExperimentPart part;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "steps: 1 thresholds { model: 'm' sum_at_most_model { model: 'n' times: "
      "1 } }",
      &part));
  EXPECT_FALSE(
      Judge(part, {Learned("m", {kInf, 1}), Learned("n", {kInf, 1})})[0].holds);
  EXPECT_TRUE(
      Judge(part, {Learned("m", {1, 1}), Learned("n", {kInf, 1})})[0].holds);
}

}  // namespace
}  // namespace metastep
