// The page as a browser shows it: what its script makes of a server's answers.
// Skipped where there is no Chromium.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "optimizer/run_spec.h"
#include "tests/process/process_cluster.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using testing::HasSubstr;

constexpr int kRounds = 30;

// The document after five seconds of the page's own time, which does not pass
// while it waits for an answer.
std::string RenderedDocument(const std::string& url) {
  const auto profile = NewTestFolder();
  // The sandbox is not there for root, and in most containers for nobody.
  const auto browser = ChildProcess::Start(
      {"chromium", "--headless", "--no-sandbox", "--disable-gpu",
       "--disable-dev-shm-usage", "--user-data-dir=" + profile.string(),
       "--virtual-time-budget=5000", "--dump-dom", url});
  EXPECT_NE(browser->WaitForLine("</html>", absl::Minutes(2)), "")
      << browser->output();
  EXPECT_EQ(browser->Wait(), 0);
  return browser->output();
}

bool HasChromium() {
  return ChildProcess::Start({"sh", "-c", "command -v chromium"})->Wait() == 0;
}

// How many points each line of the curve has: outer loss, then validation.
std::vector<int> PointsOfLines(const std::string& document) {
  const std::regex line("<polyline points=\"([^\"]*)\"");
  std::vector<int> counts;
  for (auto it = std::sregex_iterator(document.begin(), document.end(), line);
       it != std::sregex_iterator(); ++it) {
    const std::string points = (*it)[1];
    counts.push_back(
        static_cast<int>(std::count(points.begin(), points.end(), ',')));
  }
  return counts;
}

TEST(PageTest, ShowsRunWorkerModelAndCurve) {
  if (!HasChromium()) {
    GTEST_SKIP() << "no chromium here; `apt-get install chromium` brings it";
  }
  ProcessCluster cluster;
  cluster.AddWorker();
  ASSERT_OK_AND_ASSIGN(v1::RunSpec spec, ParseRunSpec(R"(
    name: "shown"
    task { square {} }
    training {
      rules { name: "linear" rule { lstm { initialization: ZEROS } } }
      validation { every_rounds: 10 criterion: SUM_OF_LOSSES }
    })"));
  spec.mutable_training()->set_rounds(kRounds);
  const std::string run_id = cluster.CreateRun(spec);
  EXPECT_EQ(cluster.Watch(run_id, [](const v1::Run&) {}).state(),
            v1::Run::SUCCEEDED);
  const auto workers = nlohmann::json::parse(cluster.Http("/api/workers"));
  const std::string worker = workers["workers"][0]["name"];

  const std::string document = RenderedDocument(cluster.HttpUrl("/"));
  EXPECT_THAT(document, HasSubstr(">" + run_id + "</td>"));
  EXPECT_THAT(document, HasSubstr(">succeeded</td>"));
  EXPECT_THAT(document, HasSubstr(">" + worker + "</td>"));
  EXPECT_THAT(document, HasSubstr(">shown@1</td>"));
  // What the run judges by, not the final loss.
  EXPECT_THAT(document, HasSubstr(">sum "));
  EXPECT_THAT(document, HasSubstr(">validation (mean over the steps)</text>"));
  // A point for each round, and one for each validation: after rounds 10, 20
  // and 30.
  EXPECT_THAT(PointsOfLines(document), testing::ElementsAre(kRounds, 3));
}

}  // namespace
}  // namespace metastep
