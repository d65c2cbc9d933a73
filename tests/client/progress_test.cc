#include "client/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/simulated_clock.h"

namespace metastep {
namespace {

using testing::HasSubstr;

v1::Run TrainingRun() {
  v1::Run run;
  run.mutable_spec()->mutable_training();
  run.set_done(120);
  run.set_total(1000);
  run.set_outer_loss(0.41234);
  run.set_active_workers(2);
  return run;
}

TEST(ProgressTest, TrainingShowsRoundsLossesWorkersAndEta) {
  v1::Run run = TrainingRun();
  EXPECT_EQ(FormatRunProgress(run, absl::Seconds(80)),
            "round 120/1000  outer loss 0.4123  2 workers  ETA 1m20s");
  run.mutable_latest_validation()->set_final_loss(0.38);
  run.mutable_best_validation()->set_final_loss(0.35);
  run.set_active_workers(1);
  EXPECT_EQ(FormatRunProgress(run, std::nullopt),
            "round 120/1000  outer loss 0.4123  validation 0.38 (best 0.35)  "
            "1 worker");
}

TEST(ProgressTest, AValidationShowsWhatItIsJudgedBy) {
  v1::Run run = TrainingRun();
  run.mutable_spec()->mutable_training()->mutable_validation()->set_criterion(
      v1::ValidationSpec::SUM_OF_LOSSES);
  run.mutable_latest_validation()->set_sum_of_losses(41.5);
  run.mutable_best_validation()->set_sum_of_losses(38.25);
  EXPECT_THAT(FormatRunProgress(run, std::nullopt),
              HasSubstr("validation sum 41.5 (best sum 38.25)"));
}

TEST(ProgressTest, ASearchShowsItsTrials) {
  v1::Run run = TrainingRun();
  run.set_active_workers(0);
  run.add_trials()->set_state(v1::Run::RUNNING);
  run.add_trials()->set_state(v1::Run::FAILED);
  EXPECT_EQ(FormatRunProgress(run, std::nullopt),
            "round 120/1000  1/2 trials ended");
  run.mutable_best_validation()->set_final_loss(0.35);
  EXPECT_EQ(FormatRunProgress(run, std::nullopt),
            "round 120/1000  1/2 trials ended  best validation 0.35");
}

TEST(ProgressTest, NoLossBeforeTheFirstRoundAndNoneInAnEvaluation) {
  v1::Run run = TrainingRun();
  run.set_done(0);
  EXPECT_EQ(FormatRunProgress(run, std::nullopt), "round 0/1000  2 workers");
  run.mutable_spec()->mutable_evaluation();
  run.set_done(7);
  run.set_active_workers(0);
  EXPECT_EQ(FormatRunProgress(run, std::nullopt), "unroll 7/1000");
}

TEST(ProgressTest, ATerminalsLineIsRewritten) {
  SimulatedClock clock;
  std::ostringstream out;
  {
    ProgressLine line(ProgressLine::Style::kRewritten, out, clock);
    line.Show("one");
    line.Show("two");
  }
  EXPECT_EQ(out.str(), "\rone\x1b[K\rtwo\x1b[K\n");
}

TEST(ProgressTest, ALogGetsALineEveryFiveSecondsAndTheLastOne) {
  SimulatedClock clock;
  std::ostringstream out;
  ProgressLine line(ProgressLine::Style::kLog, out, clock);
  line.Show("first");
  line.Show("too soon");
  clock.Advance(absl::Seconds(5));
  line.Show("second");
  line.Show("last");
  EXPECT_EQ(out.str(), "first\nsecond\n");
  line.Finish();
  EXPECT_EQ(out.str(), "first\nsecond\nlast\n");
  line.Finish();
  EXPECT_EQ(out.str(), "first\nsecond\nlast\n");
}

TEST(ProgressTest, QuietSaysNothing) {
  SimulatedClock clock;
  std::ostringstream out;
  ProgressLine line(ProgressLine::Style::kSilent, out, clock);
  line.Show("text");
  line.Finish();
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(ProgressLine::StyleForStderr(/*quiet=*/true),
            ProgressLine::Style::kSilent);
}

// A run that is resumed at 100 of 400 and does 50 in 10 s needs 50 s for the
// other 250.
TEST(ProgressTest, EtaIsFromThePaceSinceTheFirstLook) {
  SimulatedClock clock;
  EtaEstimator eta(clock);
  EXPECT_EQ(eta.Estimate(100, 400), std::nullopt);
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(eta.Estimate(150, 400), absl::Seconds(50));
  EXPECT_EQ(eta.Estimate(400, 400), std::nullopt);
}

}  // namespace
}  // namespace metastep
