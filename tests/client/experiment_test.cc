#include "client/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<v1::Experiment> Load(const std::string& text) {
  const std::string path =
      absl::StrCat(testing::TempDir(), "/experiment_test.textproto");
  const absl::Status written = WriteFileAtomically(path, text);
  if (!written.ok()) return written;
  return LoadExperiment(path);
}

constexpr char kPart[] =
    "title: 't' parts { name: 'p' task { square {} } models: 'm' steps: 9 "
    "tasks: 2 tuning_tasks: 1 }";

// The part with `to` instead of `from`.
std::string Part(const std::string& from, const std::string& to) {
  return absl::StrReplaceAll(kPart, {{from, to}});
}

TEST(ExperimentTest, AllBaselinesAreTheDefault) {
  ASSERT_OK_AND_ASSIGN(const auto experiment, Load(kPart));
  EXPECT_THAT(experiment.parts(0).baselines(),
              ElementsAre("sgd", "momentum", "nag", "rmsprop", "adam"));
}

TEST(ExperimentTest, ErrorsNamePartAndField) {
  const auto refuses = [](const std::string& from, const std::string& to,
                          const std::string& why) {
    EXPECT_THAT(Load(Part(from, to)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::AllOf(HasSubstr("part 'p'"), HasSubstr(why))))
        << to;
  };
  const auto adds = [&](const std::string& more, const std::string& why) {
    refuses("tuning_tasks: 1", "tuning_tasks: 1 " + more, why);
  };
  refuses("steps: 9", "steps: 0", "steps is 0");
  refuses(" tasks: 2", " tasks: 10001", "tasks is 10001");
  refuses("square {}", "quadratic { dimensions: -1 }", "dimensions");
  adds("models: 'm'", "'m' twice");
  adds("models: 'adam'", "'adam', the name of a hand-designed rule");
  adds("baselines: 'adagrad'", "'adagrad'");
  adds("baselines: ['nag', 'nag']", "baselines has 'nag' twice");
  adds("thresholds { model: 'x' never_above_best { times: 2 } }", "'x'");
  adds("thresholds { model: 'm' }", "says nothing");
  adds("thresholds { model: 'm' below_baselines { last: 10 } }", "10");
  adds("thresholds { model: 'm' below_baselines { first: 6 last: 5 } }",
       "first is 6");
  adds("thresholds { model: 'm' below_baselines { first: 6 last: 7 } }",
       "mean_over is 0");
  adds("thresholds { model: 'm' never_above_best { times: 2 } }",
       "mean_over is 0");
  adds("thresholds { model: 'm' never_above_best { times: 0.5 mean_over: 1 } }",
       "0.5");
  const std::string end =
      "baselines: 'sgd' thresholds { model: 'm' "
      "end_at_most_baseline { baseline: ";
  adds(end + "'nag' mean_over: 1 } }", "'nag'");
  adds(end + "'sgd' } }", "mean_over is 0");
}

TEST(ExperimentTest, ShippedExperimentsAreRight) {
  for (const char* name : {"quadratic", "mnist", "mnist-transfer", "cifar",
                           "art", "cells", "long-horizon"}) {
    const auto experiment = LoadExperiment(
        absl::StrCat(METASTEP_SPECS_DIR, "/reproduce/", name, ".textproto"));
    EXPECT_OK(experiment.status()) << name;
  }
}

TEST(ExperimentTest, WhatIsNoExperimentIsRefused) {
  EXPECT_THAT(Load("titel: 't'"), StatusIs(absl::StatusCode::kInvalidArgument,
                                           HasSubstr("experiment_test")));
  EXPECT_THAT(Load("title: 't'"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parts")));
}

// An experiment of parts p, q and r.
absl::StatusOr<v1::Experiment> ThreeParts() {
  std::string text = kPart;
  for (const char* name : {"'q'", "'r'"}) {
    absl::StrAppend(
        &text, absl::StrReplaceAll(Part("'p'", name), {{"title: 't'", ""}}));
  }
  return Load(text);
}

TEST(ExperimentTest, PartsAreKeptByNameInTheExperimentsOrder) {
  ASSERT_OK_AND_ASSIGN(auto experiment, ThreeParts());
  EXPECT_OK(KeepParts({}, experiment));
  EXPECT_EQ(experiment.parts_size(), 3);
  EXPECT_OK(KeepParts({"r", "p", "r"}, experiment));
  ASSERT_EQ(experiment.parts_size(), 2);
  EXPECT_EQ(experiment.parts(0).name(), "p");
  EXPECT_EQ(experiment.parts(1).name(), "r");
}

TEST(ExperimentTest, APartThatIsNotThereIsRefusedWithThoseThatAre) {
  ASSERT_OK_AND_ASSIGN(auto experiment, ThreeParts());
  EXPECT_THAT(KeepParts({"p", "s"}, experiment),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("no part 's'; there are: p q r")));
}

}  // namespace
}  // namespace metastep
