#include "client/run_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace metastep {
namespace {

using nlohmann::json;
using testing::HasSubstr;

v1::Run TrainedRun() {
  v1::Run run;
  run.set_run_id("r1");
  run.set_state(v1::Run::SUCCEEDED);
  run.set_done(40);
  run.mutable_model()->set_name("square");
  run.mutable_model()->set_version(2);
  run.mutable_model()->set_phi_sha256("abc");
  run.mutable_model()->mutable_validation()->set_final_loss(0.5);
  run.mutable_model()->mutable_validation()->set_sum_of_losses(3);
  run.mutable_model()->mutable_validation()->set_phi_version(20);
  return run;
}

TEST(RunReportTest, TrainingEndsWithModelAndDigest) {
  EXPECT_EQ(FormatRunResult(TrainedRun()),
            "run      r1\nmodel    square@2\nsha256   abc\n");
  EXPECT_EQ(json::parse(RunResultJson(TrainedRun())),
            json({{"run_id", "r1"},
                  {"state", "SUCCEEDED"},
                  {"rounds", 40},
                  {"model", "square@2"},
                  {"sha256", "abc"},
                  {"validation",
                   {{"phi_version", 20},
                    {"final_loss", 0.5},
                    {"sum_of_losses", 3.0}}}}));
}

TEST(RunReportTest, ASearchEndsWithItsTrials) {
  v1::Run run = TrainedRun();
  run.mutable_spec()->mutable_training()->set_rounds(20);
  run.mutable_model()->set_run_id("r1-trial-1");
  v1::Trial& failed = *run.add_trials();
  failed.set_run_id("r1-trial-0");
  failed.set_learning_rate(0.5);
  failed.set_state(v1::Run::FAILED);
  failed.set_done(3);
  failed.set_error("not finite");
  v1::Trial& best = *run.add_trials();
  best.set_run_id("r1-trial-1");
  best.set_learning_rate(0.001234);
  best.set_state(v1::Run::SUCCEEDED);
  best.set_done(20);
  *best.mutable_best_validation() = run.model().validation();
  EXPECT_EQ(FormatTrials(run),
            "trial 0   rate 0.5        FAILED     round 3/20  not finite\n"
            "trial 1   rate 0.001234   SUCCEEDED  round 20/20  validation 0.5"
            "  (the model)\n");
  EXPECT_THAT(FormatRunResult(run), HasSubstr(FormatTrials(run)));
  EXPECT_EQ(json::parse(RunResultJson(run))["trials"],
            json::array({{{"run_id", "r1-trial-0"},
                          {"learning_rate", 0.5},
                          {"state", "FAILED"},
                          {"rounds", 3},
                          {"error", "not finite"}},
                         {{"run_id", "r1-trial-1"},
                          {"learning_rate", 0.001234},
                          {"state", "SUCCEEDED"},
                          {"rounds", 20},
                          {"validation",
                           {{"phi_version", 20},
                            {"final_loss", 0.5},
                            {"sum_of_losses", 3.0}}}}}));
}

TEST(RunReportTest, EvaluationEndsWithItsCurves) {
  v1::Run run;
  auto* curve = run.add_curves();
  curve->set_label("adam");
  curve->add_loss(4);
  curve->add_loss(1);
  curve->add_sums_of_losses(4);
  curve->add_final_losses(1);
  EXPECT_THAT(FormatRunResult(run), HasSubstr("adam"));
  const json parsed = json::parse(RunResultJson(run));
  EXPECT_FALSE(parsed.contains("model"));
  EXPECT_EQ(parsed["rules"]["adam"]["sum"], 4);
  EXPECT_EQ(parsed["rules"]["adam"]["curve"], json({4.0, 1.0}));
}

}  // namespace
}  // namespace metastep
