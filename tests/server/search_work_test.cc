#include "server/search_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "optimizer/run_spec.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;

StoredRun Search(int trials, uint64_t seed = 1) {
  v1::RunSpec spec = Parse(R"(
    name: "s"
    task { square {} }
    training {
      rounds: 10
      outer { rule { sgd { learning_rate: 9 } } }
      search { trials: 1 min_learning_rate: 0.001 max_learning_rate: 0.1 }
    })");
  spec.set_seed(seed);
  spec.mutable_training()->mutable_search()->set_trials(trials);
  StoredRun stored;
  stored.request_id = "request";
  stored.run.set_run_id("s-1");
  stored.run.set_state(v1::Run::RUNNING);
  *stored.run.mutable_spec() = ResolveRunSpec(spec).value();
  return stored;
}

double RateOf(const v1::Run& trial) {
  return trial.spec().training().outer().rule().sgd().learning_rate();
}

// The trial at its end, with a model whose phi is its number.
void Succeed(RunWork& work, v1::Run trial, double final_loss, float phi) {
  trial.set_state(v1::Run::SUCCEEDED);
  trial.set_done(10);
  trial.mutable_best_validation()->set_phi_version(10);
  trial.mutable_best_validation()->set_final_loss(final_loss);
  Model model;
  model.phi = {phi};
  work.TakePart(trial, model);
}

TEST(WithTrialsTest, AnyOtherRunIsByItself) {
  StoredRun run = Search(3);
  run.run.mutable_spec()->mutable_training()->clear_search();
  EXPECT_THAT(WithTrials(run), SizeIs(1));
}

TEST(WithTrialsTest, ATrialIsTheRunWithARateOfItsOwn) {
  const std::vector<StoredRun> runs = WithTrials(Search(3));
  ASSERT_THAT(runs, SizeIs(4));
  EXPECT_THAT(runs[0].run.trials(), SizeIs(3));
  const StoredRun& trial = runs[3];
  EXPECT_EQ(trial.run.run_id(), "s-1-trial-2");
  EXPECT_EQ(trial.run.search_run_id(), "s-1");
  EXPECT_EQ(trial.run.state(), v1::Run::RUNNING);
  EXPECT_THAT(trial.run.trials(), IsEmpty());
  EXPECT_NE(trial.request_id, runs[0].request_id);
  EXPECT_EQ(runs[0].run.trials(2).run_id(), "s-1-trial-2");
  EXPECT_EQ(runs[0].run.trials(2).learning_rate(), RateOf(trial.run));

  v1::RunSpec expected = runs[0].run.spec();
  expected.set_name("s-trial-2");
  expected.mutable_training()->clear_search();
  expected.mutable_training()
      ->mutable_outer()
      ->mutable_rule()
      ->mutable_sgd()
      ->set_learning_rate(RateOf(trial.run));
  EXPECT_EQ(trial.run.spec().DebugString(), expected.DebugString());
  EXPECT_OK(ResolveRunSpec(trial.run.spec()));
}

// 100 draws of log10(rate) ~ U(-3, -1): each within, and the mean -2 to within
// six of its standard deviations, 2 / sqrt(12 * 100) = 0.058.
TEST(WithTrialsTest, RatesAreLogUniform) {
  const std::vector<StoredRun> runs = WithTrials(Search(100));
  double sum = 0;
  for (const v1::Trial& trial : runs[0].run.trials()) {
    EXPECT_THAT(trial.learning_rate(), AllOf(Ge(0.000999), Le(0.1001)));
    sum += std::log10(trial.learning_rate());
  }
  EXPECT_NEAR(sum / 100, -2, 6 * 0.058);
}

TEST(WithTrialsTest, RatesFollowFromTheSeed) {
  EXPECT_EQ(RateOf(WithTrials(Search(2))[2].run),
            RateOf(WithTrials(Search(2))[2].run));
  EXPECT_NE(RateOf(WithTrials(Search(2))[2].run),
            RateOf(WithTrials(Search(2, /*seed=*/2))[2].run));
}

TEST(SearchWorkTest, TheModelIsThatOfTheBestTrialInWhateverOrderTheyEnd) {
  const std::vector<StoredRun> runs = WithTrials(Search(3));
  for (const bool backwards : {false, true}) {
    SearchWork work(runs[0].run);
    // Trials 1 and 2 are equally good: the first counts.
    const double losses[] = {0.5, 0.25, 0.25};
    for (int i = 0; i < 3; ++i) {
      EXPECT_FALSE(work.ended());
      const int trial = backwards ? 2 - i : i;
      Succeed(work, runs[trial + 1].run, losses[trial],
              static_cast<float>(trial));
    }
    EXPECT_TRUE(work.ended());
    EXPECT_EQ(work.failure(), "");
    ASSERT_TRUE(work.Result().has_value());
    EXPECT_EQ(work.Result()->phi[0], 1);
  }
}

TEST(SearchWorkTest, AValidationThatIsNotANumberIsWorst) {
  const std::vector<StoredRun> runs = WithTrials(Search(2));
  SearchWork work(runs[0].run);
  Succeed(work, runs[1].run, std::numeric_limits<double>::quiet_NaN(), 0);
  Succeed(work, runs[2].run, 1e6, 1);
  EXPECT_EQ(work.Result()->phi[0], 1);
}

TEST(SearchWorkTest, ReportsEveryTrial) {
  const std::vector<StoredRun> runs = WithTrials(Search(2));
  SearchWork work(runs[0].run);
  v1::Run trial = runs[1].run;
  trial.set_done(4);
  trial.mutable_best_validation()->set_final_loss(0.125);
  work.TakePart(trial, std::nullopt);
  Succeed(work, runs[2].run, 0.25, 1);

  v1::Run run = runs[0].run;
  work.Report(/*done_shards=*/0, run);
  EXPECT_EQ(run.done(), 4 + 10);
  EXPECT_EQ(run.total(), 20);
  EXPECT_EQ(run.best_validation().final_loss(), 0.125);
  EXPECT_EQ(run.trials(0).done(), 4);
  EXPECT_EQ(run.trials(0).state(), v1::Run::RUNNING);
  EXPECT_EQ(run.trials(1).state(), v1::Run::SUCCEEDED);

  // It began well, but is no candidate any more.
  trial.set_error("not finite");
  for (const v1::Run::State state : {v1::Run::FAILED, v1::Run::CANCELLED}) {
    trial.set_state(state);
    work.TakePart(trial, std::nullopt);
    work.Report(0, run);
    EXPECT_EQ(run.best_validation().final_loss(), 0.25) << state;
  }
  EXPECT_EQ(run.trials(0).error(), "not finite");
  EXPECT_TRUE(work.ended());
  EXPECT_EQ(work.failure(), "");
}

TEST(SearchWorkTest, FailsWhenNoTrialSucceeds) {
  const std::vector<StoredRun> runs = WithTrials(Search(1));
  SearchWork work(runs[0].run);
  v1::Run trial = runs[1].run;
  trial.set_state(v1::Run::FAILED);
  trial.set_error("not finite");
  work.TakePart(trial, std::nullopt);
  EXPECT_TRUE(work.ended());
  EXPECT_FALSE(work.Result().has_value());
  EXPECT_THAT(work.failure(), HasSubstr("trial 0: not finite"));
}

}  // namespace
}  // namespace metastep
