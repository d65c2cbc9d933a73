#include "client/local_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Shell scripts stand where server and worker are.
class LocalClusterTest : public testing::Test {
 protected:
  void Program(const std::string& name, const std::string& script) {
    const auto path = folder_ / name;
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  absl::StatusOr<std::unique_ptr<LocalCluster>> Start(int workers) {
    return LocalCluster::Start(
        {folder_, folder_ / "state", folder_ / "data", workers}, cancellation_);
  }

  static constexpr char kServes[] =
      "echo '{\"port\":7,\"http_port\":0}'; exec sleep 1000";

  const std::filesystem::path folder_ = NewTestFolder();
  Cancellation cancellation_;
};

TEST_F(LocalClusterTest, StartsWorkersOnTheServersPortAndStopsAll) {
  Program("metastep-server", kServes);
  Program("metastep-worker", "echo $@ > " + (folder_ / "seen").string() +
                                 "; mv " + (folder_ / "seen").string() + " " +
                                 (folder_ / "arguments").string() +
                                 "; exec sleep 1000");
  ASSERT_OK_AND_ASSIGN(auto cluster, Start(/*workers=*/1));
  EXPECT_EQ(cluster->address(), "127.0.0.1:7");
  while (!std::filesystem::exists(folder_ / "arguments")) {
    std::this_thread::yield();
  }
  cluster.reset();
  EXPECT_OK(cancellation_.status());
  EXPECT_THAT(ReadFile(folder_ / "arguments", 1000),
              IsOkAndHolds(AllOf(HasSubstr("--server=127.0.0.1:7"),
                                 HasSubstr("--slots=1"),
                                 HasSubstr("--exit-with-parent"))));
}

TEST_F(LocalClusterTest, AServerThatDoesNotStartIsAnErrorWithItsLog) {
  Program("metastep-server", "echo no room >&2; exit 3");
  EXPECT_THAT(Start(1),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("exited with code 3 before it served"),
                             HasSubstr("no room"))));
}

TEST_F(LocalClusterTest, AServerThatDiesCancelsWithItsLog) {
  Program("metastep-server",
          "echo '{\"port\":7,\"http_port\":0}'; echo disk full >&2; exit 9");
  Program("metastep-worker", "exec sleep 1000");
  ASSERT_OK_AND_ASSIGN(const auto cluster, Start(1));
  EXPECT_FALSE(cancellation_.Sleep(absl::Minutes(1)));
  EXPECT_THAT(cancellation_.status(),
              StatusIs(absl::StatusCode::kAborted,
                       AllOf(HasSubstr("local server exited with code 9"),
                             HasSubstr("disk full"))));
}

TEST_F(LocalClusterTest, AWorkerThatDiesIsReplacedSomeTimes) {
  Program("metastep-server", kServes);
  Program("metastep-worker", "echo born; echo no memory >&2; exit 7");
  ASSERT_OK_AND_ASSIGN(const auto cluster, Start(1));
  EXPECT_FALSE(cancellation_.Sleep(absl::Minutes(1)));
  EXPECT_THAT(cancellation_.status(),
              StatusIs(absl::StatusCode::kAborted,
                       AllOf(HasSubstr("local worker-0 exited with code 7"),
                             HasSubstr("no memory"))));
  // The first and three replacements.
  EXPECT_THAT(ReadFile(folder_ / "state/logs/worker-0.log", 1000),
              IsOkAndHolds("born\nno memory\nborn\nno memory\nborn\nno "
                           "memory\nborn\nno memory\n"));
}

}  // namespace
}  // namespace metastep
