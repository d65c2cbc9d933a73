// What is promised of the binaries themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>

#include "optimizer/run_spec.h"
#include "tests/process/process_cluster.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string OutputOf(std::vector<std::string> argv) {
  const auto process = ChildProcess::Start(std::move(argv));
  process->WaitForLine("no line has this");
  EXPECT_EQ(process->Wait(), 0) << process->output();
  return process->output();
}

std::string BinaryPath(const std::string& name) {
  return std::string(METASTEP_BIN_DIR) + "/" + name;
}

TEST(BinariesTest, OnlyTheWorkerIsLinkedToLibTorch) {
  EXPECT_THAT(OutputOf({"ldd", BinaryPath("metastep-server")}),
              Not(HasSubstr("torch")));
  EXPECT_THAT(OutputOf({"ldd", BinaryPath("metastep")}),
              Not(HasSubstr("torch")));
  EXPECT_THAT(OutputOf({"ldd", BinaryPath("metastep-worker")}),
              HasSubstr("torch"));
}

TEST(BinariesTest, HelpHasAnExample) {
  for (const char* name : {"metastep-server", "metastep-worker", "metastep"}) {
    EXPECT_THAT(OutputOf({BinaryPath(name), "--help"}), HasSubstr("Example"));
  }
}

TEST(BinariesTest, MetricNamesPassPromtool) {
  ProcessCluster cluster;
  const std::string page = cluster.Http("/metrics");
  EXPECT_THAT(page, HasSubstr("metastep_rounds_total"));
  const std::string file = testing::TempDir() + "/metastep_metrics.txt";
  std::ofstream(file) << page;
  EXPECT_EQ(OutputOf({"sh", "-c", "promtool check metrics < " + file}), "");
}

TEST(BinariesTest, ThePageIsToldWhatTheServicesList) {
  ProcessCluster cluster;
  ASSERT_OK_AND_ASSIGN(const v1::RunSpec spec, ParseRunSpec(R"(
    name: "shown"
    task { square {} }
    training {
      rules { name: "linear" rule { lstm { initialization: ZEROS } } }
      rounds: 3
    })"));
  const std::string run_id = cluster.CreateRun(spec);
  EXPECT_THAT(cluster.Http("/"), HasSubstr("api/"));
  EXPECT_THAT(cluster.Http("/api/runs"), HasSubstr(run_id));
  EXPECT_EQ(cluster.Http("/api/workers"), "{}");

  cluster.AddWorker();
  EXPECT_EQ(cluster.Watch(run_id, [](const v1::Run&) {}).state(),
            v1::Run::SUCCEEDED);
  // Of three rounds the last has phi version 2.
  const std::string rounds =
      cluster.Http("/api/rounds?page_token=2&run_id=" + run_id);
  EXPECT_THAT(rounds, HasSubstr(R"("phi_version":"2")"));
  EXPECT_THAT(rounds, Not(HasSubstr(R"("phi_version":"1")")));
  EXPECT_THAT(cluster.Http("/api/workers"), HasSubstr(R"("accepted":)"));
  EXPECT_THAT(cluster.Http("/api/models"), HasSubstr(R"("name":"shown")"));
  EXPECT_EQ(cluster.Http("/api/sessions"), "{}");
}

TEST(BinariesTest, ServerDrainsOnSigterm) {
  ProcessCluster cluster;
  cluster.server().Signal(SIGTERM);
  EXPECT_EQ(cluster.server().Wait(), 0) << cluster.server().output();
}

TEST(BinariesTest, SecondServerOnAStateDirectoryIsRefused) {
  ProcessCluster cluster;
  const auto second = ChildProcess::Start(
      {BinaryPath("metastep-server"), "--listen", "127.0.0.1:0", "--state-dir",
       cluster.state_dir().string()});
  EXPECT_NE(second->WaitForLine("another server uses"), "");
  EXPECT_EQ(second->Wait(), 1);
}

TEST(BinariesTest, WorkerDrainsOnSigterm) {
  ProcessCluster cluster;
  cluster.AddWorker();
  cluster.worker(0).Signal(SIGTERM);
  EXPECT_EQ(cluster.worker(0).Wait(), 0) << cluster.worker(0).output();
}

}  // namespace
}  // namespace metastep
