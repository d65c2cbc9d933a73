// Every kind of learned rule, end to end: trained by a worker, published by the
// server, and served to a client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "optimizer/run_spec.h"
#include "tests/process/command.h"
#include "tests/process/process_cluster.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

struct RuleCase {
  const char* name;
  const char* cell;  // what the client calls the rule
  const char* fields;
};

class RulesTest : public testing::TestWithParam<RuleCase> {};

INSTANTIATE_TEST_SUITE_P(
    , RulesTest,
    testing::Values(RuleCase{"moments", "lstm", "preprocessing { moments {} }"},
                    RuleCase{"gru", "gru", ""},
                    RuleCase{"lmu", "lmu", "memory_order: 3"}),
    [](const auto& test) { return test.param.name; });

// At first the rules walk away from zero at random; the training has to teach
// them that the loss is to fall.
TEST_P(RulesTest, LearnsAndIsServed) {
  const std::string text =
      absl::StrCat(R"(
      name: "rule"
      task { quadratic { distribution: GAUSSIAN dimensions: 3 problems: 16 } }
      training {
        unroll { horizon: 20 window: 10 }
        rounds: 100
        outer { rule { adam { learning_rate: 0.01 } } clip_norm: 1 }
        validation { every_rounds: 50 }
        rules { name: "rule" rule { )",
                   GetParam().cell, " { hidden: 4 output_scale: 0.1 ",
                   GetParam().fields, " } } } }");
  ProcessCluster cluster;
  cluster.AddWorker();
  ASSERT_OK_AND_ASSIGN(const v1::RunSpec spec, ParseRunSpec(text));
  const v1::Run run =
      cluster.Watch(cluster.CreateRun(spec), [](const v1::Run&) {});
  ASSERT_EQ(run.state(), v1::Run::SUCCEEDED) << run.error();

  const std::string file = (cluster.state_dir() / "spec.textproto").string();
  std::ofstream(file) << text;
  const CommandResult served = Metastep(
      {"minimize", file, "--server", cluster.address(), "--model", "rule@1",
       "--tasks", "4", "--steps", "20", "--quiet", "--json"});
  ASSERT_EQ(served.exit_code, 0) << served.output;
  const nlohmann::json curve =
      JsonIn(served).at("rules").at(GetParam().cell).at("curve");
  ASSERT_EQ(curve.size(), 21u);
  EXPECT_LT(curve.back(), 0.5 * curve.front().get<double>()) << curve.dump();
}

}  // namespace
}  // namespace metastep
