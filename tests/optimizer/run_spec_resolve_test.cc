#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "optimizer/run_spec.h"
#include "tests/optimizer/run_spec_examples.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(RunSpecResolveTest, ReportsEveryProblem) {
  EXPECT_THAT(ResolveRunSpec(v1::RunSpec()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(StartsWith("name is \"\"; must be 1 to 64"),
                             HasSubstr("\ntask.task is required: one of square,"
                                       " quadratic, mlp"),
                             HasSubstr("\nwork is required"))));
}

// 128 problems of 279 dimensions have 9,963,648 elements, of 280 10,035,200.
TEST(RunSpecResolveTest, BoundsTheSizeOfAQuadraticTask) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.dimensions", "279"));
  EXPECT_OK(ResolveRunSpec(spec));
  ASSERT_OK(SetField(spec, "task.quadratic.dimensions", "280"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is 10035200; must be at most 10000000")));
}

// (2^31 - 1)^3 would overflow; both are counted as their limits: 1000^2 * 10^4.
TEST(RunSpecResolveTest, BoundsTheSizeOfAQuadraticTaskOfAnyNumbers) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "task.quadratic.dimensions", "2147483647"));
  ASSERT_OK(SetField(spec, "task.quadratic.problems", "2147483647"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("problems times dimensions squared is "
                                 "10000000000; must be at most 10000000")));
}

void AddSgd(v1::RunSpec& spec, int entries) {
  for (int i = 0; i < entries; ++i) {
    v1::EvaluationEntry& entry = *spec.mutable_evaluation()->add_entries();
    entry.set_label(absl::StrCat(i));
    entry.mutable_hand_designed()->mutable_sgd()->set_learning_rate(1);
  }
}

// 240 rules of 50 tensors each, whose names of some 30 characters and 100 bytes
// more make 1.6 MB; phi itself is small.
TEST(RunSpecResolveTest, TensorsFitAModelFilesHeader) {
  v1::RunSpec spec = Parse(kTraining);
  spec.mutable_training()->clear_rules();
  for (int i = 0; i < 240; ++i) {
    v1::GroupRuleSpec& rule = *spec.mutable_training()->add_rules();
    rule.set_name(absl::StrCat("r", i));
    for (int layer = 0; layer < 8; ++layer) {
      rule.mutable_rule()->mutable_gru()->add_hidden(1);
    }
  }
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("training.rules has tensors whose entries")));
}

TEST(RunSpecResolveTest, GlobsAreLimited) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0]", "{name: 'a' rule {lstm {}}}"));
  v1::GroupRuleSpec& rule = *spec.mutable_training()->mutable_rules(0);
  rule.add_parameters(std::string(2'048, '*'));
  EXPECT_OK(ResolveRunSpec(spec));
  rule.add_parameters("");
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("training.rules has parameters of 2049 "
                                 "characters; must have at most 2048")));
}

TEST(RunSpecResolveTest, AWrongNameIsNotRepeatedWhole) {
  v1::RunSpec spec = Parse(kTraining);
  spec.mutable_training()->clear_rules();
  for (int i = 0; i < 2; ++i) {
    v1::GroupRuleSpec& rule = *spec.mutable_training()->add_rules();
    rule.set_name(std::string(10'000, 'x'));
    rule.mutable_rule()->mutable_lstm();
  }
  EXPECT_LT(ResolveRunSpec(spec).status().message().size(), 1'000);
}

TEST(RunSpecResolveTest, EntriesAreLimited) {
  v1::RunSpec spec = Parse(kEvaluation);
  spec.mutable_evaluation()->clear_entries();
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation.entries has 0 elements; must have 1 to "
                       "1000"));
  AddSgd(spec, 1001);
  EXPECT_THAT(ResolveRunSpec(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("has 1001 elements")));
  spec.mutable_evaluation()->mutable_entries()->RemoveLast();
  EXPECT_OK(ResolveRunSpec(spec));
}

TEST(RunSpecResolveTest, FewerEntriesAreKeptWithTheirThetas) {
  v1::RunSpec spec = Parse(kEvaluation);  // two entries
  spec.mutable_evaluation()->set_keep_theta(true);
  AddSgd(spec, 7);
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation.entries has 9 elements; must have 1 to 8 "
                       "with keep_theta"));
  spec.mutable_evaluation()->mutable_entries()->RemoveLast();
  EXPECT_OK(ResolveRunSpec(spec));
}

// An entry has 2 * 50001 + 2 * 10 figures of 8 bytes, 800,176 bytes: three are
// above 2 MiB.
TEST(RunSpecResolveTest, CurvesFitAMessage) {
  v1::RunSpec spec = Parse(kEvaluation);  // two entries
  spec.mutable_evaluation()->set_steps(50000);
  EXPECT_OK(ResolveRunSpec(spec));
  AddSgd(spec, 1);
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("evaluation.entries has 3 elements, whose "
                                 "curves over 50000 steps and 10 tasks have "
                                 "2400528 bytes; must be at most 2097152")));
}

// 10^7 of them, with 1000 * (2 * (1 + 1) + 2 * 10000) figures of 8 bytes.
TEST(RunSpecResolveTest, ShardsOfAnEvaluationAreLimited) {
  v1::RunSpec spec = Parse(kEvaluation);
  spec.mutable_evaluation()->clear_entries();
  AddSgd(spec, 1000);
  spec.mutable_evaluation()->set_steps(1);
  spec.mutable_evaluation()->set_tasks(10000);
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("160032000 bytes; must be at most 2097152")));
}

TEST(RunSpecResolveTest, AnyEntryFitsAMessageByItself) {
  v1::RunSpec spec = Parse(kEvaluation);
  spec.mutable_evaluation()->mutable_entries()->RemoveLast();
  spec.mutable_evaluation()->set_steps(100'000);
  spec.mutable_evaluation()->set_tasks(1'342);
  EXPECT_OK(ResolveRunSpec(spec));
}

// 2^27 losses are 1,342 unrolls of 2 * 50,001 and some.
TEST(RunSpecResolveTest, LossesThatTheServerHoldsAreLimited) {
  v1::RunSpec spec = Parse(kEvaluation);  // two entries
  spec.mutable_evaluation()->set_steps(50'000);
  spec.mutable_evaluation()->set_tasks(1'342);
  EXPECT_OK(ResolveRunSpec(spec));
  spec.mutable_evaluation()->set_tasks(1'343);
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("evaluation.tasks is 1343, times 50001 losses "
                                 "of an unroll, times 2 entries: 134302686; "
                                 "must be at most 134217728")));
}

TEST(RunSpecResolveTest, SoAreThoseOfValidations) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.validation.steps", "100000"));
  ASSERT_OK(SetField(spec, "training.validation.tasks", "1342"));
  EXPECT_OK(ResolveRunSpec(spec));
  ASSERT_OK(SetField(spec, "training.search",
                     "{trials: 2 min_learning_rate: 1 max_learning_rate: 2}"));
  EXPECT_THAT(
      ResolveRunSpec(spec),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("training.validation.tasks is 1342, times "
                         "100001 losses of an unroll, times 2 trials")));
}

TEST(RunSpecResolveTest, AStyleIsAnImageOrATexture) {
  v1::RunSpec spec = Parse(kArt);
  ASSERT_OK(SetField(spec, "task.art.style", "a.png"));
  ASSERT_OK(SetField(spec, "task.art.texture", "2"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "task.art.texture is 2, and style names an image: leave "
                       "one out"));
}

TEST(RunSpecResolveTest, RuleNamesAreUnique) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0]", "{name: 'a' rule {lstm {}}}"));
  ASSERT_OK(SetField(spec, "training.rules[1]", "{name: 'a' rule {lstm {}}}"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.rules[1].name is \"a\", which an earlier rule "
                       "has"));
}

// One layer of 442 units has 4 * 442 * (2 + 442 + 1) + 442 + 1 = 787,203
// meta-parameters with the two inputs of log-and-sign.
TEST(RunSpecResolveTest, PhiFitsAModelFile) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0]",
                     "{name: 'a' rule {lstm {preset: PAPER hidden: 442}}}"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.rules has 787203 meta-parameters; must have "
                       "at most 786430, what a model file holds"));
  ASSERT_OK(SetField(spec, "training.rules[0].rule.lstm.hidden[0]", "441"));
  EXPECT_OK(ResolveRunSpec(spec));
}

// 4 * 441 * (2 + 441 + 1) + 442 is 783,658, of which 2^27 holds 171 copies;
// an unroll of 100 steps has five windows of 20, and 171 - 5 - 3 = 163.
TEST(RunSpecResolveTest, LanesAndTrialsAreLimitedByPhi) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0]",
                     "{name: 'a' rule {lstm {preset: PAPER hidden: 441}}}"));
  spec.mutable_training()->set_lanes(163);
  EXPECT_OK(ResolveRunSpec(spec));
  spec.mutable_training()->set_lanes(164);
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("training has 783658 meta-parameters, times "
                                 "172 (lanes, windows of an unroll and 3): "
                                 "134789176 numbers; must be at most "
                                 "134217728")));
  // Ten copies for each trial.
  spec.mutable_training()->set_lanes(2);
  ASSERT_OK(SetField(spec, "training.search",
                     "{trials: 17 min_learning_rate: 1e-4 max_learning_rate: "
                     "1e-2}"));
  EXPECT_OK(ResolveRunSpec(spec));
  spec.mutable_training()->mutable_search()->set_trials(18);
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("times 10 (lanes, windows of an unroll and "
                                 "3), times 18 trials: 141058440 numbers")));
}

// PAPER has 5141 meta-parameters, of which 2^27 holds 26,107; two lanes and 3
// are among them.
TEST(RunSpecResolveTest, WindowsOfAnUnrollAreLimitedByPhi) {
  v1::RunSpec spec = Parse(kStages);
  ASSERT_OK(SetField(spec, "training.stages[0].window", "1"));
  ASSERT_OK(SetField(spec, "training.stages[0].horizon", "26102"));
  EXPECT_OK(ResolveRunSpec(spec));
  ASSERT_OK(SetField(spec, "training.stages[0].horizon", "26103"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("5141 meta-parameters, times 26108 ")));
}

TEST(RunSpecResolveTest, ATrainingFitsAModelFilesHeader) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.unroll", "{horizon: 9000 window: 20}"));
  for (int t = 0; t <= 9000; ++t) {
    spec.mutable_training()->mutable_unroll()->add_loss_weights(1);
  }
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("bytes; must have at most 65536: fewer "
                                 "loss_weights")));
}

// 100 entries that share a label that is too long and have no rule: 100 + 99 +
// 100 problems, of which ten are shown.
TEST(RunSpecResolveTest, ShowsTheFirstProblemsOfMany) {
  v1::RunSpec spec = Parse(kEvaluation);
  spec.mutable_evaluation()->clear_entries();
  for (int i = 0; i < 100; ++i) {
    spec.mutable_evaluation()->add_entries()->set_label(std::string(129, 'x'));
  }
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("entries[0].label has 129 characters"),
                             testing::EndsWith("\nand 289 more"))));
}

TEST(RunSpecResolveTest, LabelsAreUnique) {
  v1::RunSpec spec = Parse(kEvaluation);
  ASSERT_OK(SetField(spec, "evaluation.entries[0].label", "b"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "evaluation.entries[1].label is \"b\", which an earlier "
                       "entry has"));
}

TEST(RunSpecResolveTest, ARuleNeedsItsCell) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.rules[0].name", "a"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.rules[0].rule.cell is required: one of lstm, "
                       "gru, lmu"));
}

TEST(RunSpecResolveTest, LossWeightsAreOneMoreThanTheHorizon) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.unroll", "{horizon: 2 window: 2}"));
  ASSERT_OK(SetField(spec, "training.unroll.loss_weights", "[0, 0, 1]"));
  EXPECT_OK(ResolveRunSpec(spec));
  ASSERT_OK(SetField(spec, "training.unroll.loss_weights[3]", "1"));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.unroll.loss_weights has 4 elements; must have "
                       "none or 3, one more than horizon"));
}

TEST(RunSpecResolveTest, StagesFitTheRestOfTheTraining) {
  struct Wrong {
    const char* path;
    const char* value;
    const char* problem;
  };
  for (const Wrong& wrong : {
           Wrong{"training.rounds", "8",
                 "training.rounds is 8; must be unset or 7, the sum of the "
                 "stages' rounds"},
           Wrong{"training.stages[0].horizon", "50",
                 "training.stages[0].horizon is 50; must be a multiple of "
                 "window, which is 20"},
           Wrong{"training.stages[0].window", "50",
                 "training.stages[0].horizon is 60; must be a multiple of "
                 "window, which is 50"},
           Wrong{"training.stages[1].rounds", "0",
                 "training.stages[1].rounds is required: 1 to 10000000"},
           Wrong{"training.stages[1].rounds", "10000000",
                 "training.rounds is 10000003; must be 1 to 10000000"},
           Wrong{"training.unroll.loss_weights", "[1]",
                 "training.unroll.loss_weights must be empty with stages, "
                 "whose horizons differ"},
           Wrong{"training.stages",
                 "[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]",
                 "training.stages has 17 elements; must have at most 16"},
       }) {
    v1::RunSpec spec = Parse(kStages);
    ASSERT_OK(SetField(spec, wrong.path, wrong.value));
    EXPECT_THAT(
        ResolveRunSpec(spec),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(wrong.problem)));
  }
}

TEST(RunSpecResolveTest, ASearchHasBoundsAndRoomForItsTrialsNames) {
  v1::RunSpec spec = Parse(kTraining);
  ASSERT_OK(SetField(spec, "training.search",
                     "{trials: 3 min_learning_rate: 1e-4 max_learning_rate: "
                     "1e-2}"));
  EXPECT_OK(ResolveRunSpec(spec));
  v1::RunSpec wrong = spec;
  ASSERT_OK(SetField(wrong, "training.search.max_learning_rate", "1e-4"));
  EXPECT_THAT(ResolveRunSpec(wrong),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.search.max_learning_rate is 0.0001; must be "
                       "above min_learning_rate, which is 0.0001"));
  wrong = spec;
  wrong.mutable_training()->mutable_search()->clear_trials();
  EXPECT_THAT(ResolveRunSpec(wrong),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.search.trials is required: 1 to 100"));
  // 55 characters and "-trial-99" are 64.
  spec.set_name(std::string(55, 'a'));
  EXPECT_OK(ResolveRunSpec(spec));
  spec.set_name(std::string(56, 'a'));
  EXPECT_THAT(ResolveRunSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("name has 56 characters; with "
                                 "training.search it must have at most 55")));
}

TEST(CheckNameTest, SaysWhatIsAllowed) {
  EXPECT_OK(CheckName("run", "a"));
  EXPECT_THAT(CheckName("run", "a b"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "run is \"a b\"; must be 1 to 64 characters out of a to "
                       "z, 0 to 9, '_' and '-'"));
}

TEST(CheckNameTest, ShowsOnlyTheStartOfALongName) {
  EXPECT_LT(CheckName("run", std::string(1 << 20, '!')).message().size(), 200u);
}

}  // namespace
}  // namespace metastep
