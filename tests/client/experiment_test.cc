#include "client/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
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

// One part, with `more` at its end.
std::string Part(const std::string& more) {
  return absl::StrCat(
      "title: 't' parts { name: 'p' task { square {} } models: 'm' steps: 9 "
      "tasks: 2 tuning_tasks: 1 ",
      more, " }");
}

TEST(ExperimentTest, AllBaselinesAreTheDefault) {
  ASSERT_OK_AND_ASSIGN(const auto experiment, Load(Part("")));
  EXPECT_THAT(experiment.parts(0).baselines(),
              ElementsAre("sgd", "momentum", "nag", "rmsprop", "adam"));
}

TEST(ExperimentTest, ErrorsNamePartAndField) {
  const auto refuses = [](const std::string& more, const std::string& why) {
    EXPECT_THAT(Load(Part(more)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::AllOf(HasSubstr("part 'p'"), HasSubstr(why))))
        << more;
  };
  refuses("steps: 0", "steps is 0");
  refuses("tasks: 10001", "tasks is 10001");
  refuses("models: 'm'", "'m' twice");
  refuses("baselines: 'adagrad'", "'adagrad'");
  refuses("task { quadratic { dimensions: -1 } }", "dimensions");
  refuses("thresholds { model: 'x' never_above_best_times: 2 }", "'x'");
  refuses("thresholds { model: 'm' }", "says nothing");
  refuses("thresholds { model: 'm' below_baselines_at_step: 10 }", "10");
  refuses("thresholds { model: 'm' never_above_best_times: 0.5 }", "0.5");
  refuses(
      "baselines: 'sgd' thresholds { model: 'm' final_at_most_baseline: 'nag' "
      "}",
      "'nag'");
}

// Every one but art, whose task cannot be resolved yet.
TEST(ExperimentTest, ShippedExperimentsAreRight) {
  for (const char* name : {"quadratic", "mnist", "mnist-transfer", "cifar",
                           "cells", "long-horizon"}) {
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

}  // namespace
}  // namespace metastep
