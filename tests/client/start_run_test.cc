#include "client/start_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "rpc/channel.h"
#include "rpc/server_host.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

// Makes a run for each new request id.
class FakeRunService final : public v1::RunService::Service {
 public:
  FakeRunService()
      : host_(*ServerHost::Start(
            {}, {{v1::RunService::service_full_name(), this}})) {}

  std::shared_ptr<grpc::Channel> Channel() const {
    return MakeChannel(absl::StrCat("127.0.0.1:", host_->port()));
  }

  grpc::Status CreateRun(grpc::ServerContext*,
                         const v1::CreateRunRequest* request,
                         v1::CreateRunResponse* response) override {
    const auto [made, is_new] = runs_.emplace(request->request_id(), v1::Run());
    if (is_new) {
      made->second.set_run_id(absl::StrCat("run-", runs_.size()));
      made->second.set_state(failures_-- > 0 ? v1::Run::FAILED
                                             : v1::Run::RUNNING);
    }
    *response->mutable_run() = made->second;
    return grpc::Status::OK;
  }

  // The next so many fail.
  void Fail(int runs) { failures_ = runs; }

 private:
  int failures_ = 0;
  std::map<std::string, v1::Run> runs_;
  const std::unique_ptr<ServerHost> host_;  // last: it serves this object
};

class StartRunTest : public testing::Test {
 protected:
  std::string IdOf(const absl::StatusOr<v1::Run>& run) {
    EXPECT_OK(run.status());
    return run.ok() ? run->run_id() : "";
  }

  FakeRunService service_;
  Cancellation cancellation_;
  RunClient runs_{service_.Channel(), cancellation_};
  const v1::RunSpec spec_;
};

TEST_F(StartRunTest, ARunOfTheSameSpecIsResumedUnlessItFailed) {
  service_.Fail(2);
  const std::string id = IdOf(CreateOrResume(runs_, spec_));
  EXPECT_EQ(id, "run-3");
  EXPECT_EQ(IdOf(CreateOrResume(runs_, spec_)), id);
  EXPECT_NE(IdOf(CreateAnew(runs_, spec_)), id);
  v1::RunSpec other;
  other.set_seed(1);
  EXPECT_NE(IdOf(CreateOrResume(runs_, other)), id);
}

TEST_F(StartRunTest, OneOfAnotherBuildIsNotResumedInThisOnesName) {
  const std::string id = IdOf(CreateOrResumeOfBuild("1 (a)", runs_, spec_));
  EXPECT_EQ(IdOf(CreateOrResumeOfBuild("1 (a)", runs_, spec_)), id);
  EXPECT_NE(IdOf(CreateOrResumeOfBuild("1 (b)", runs_, spec_)), id);
}

}  // namespace
}  // namespace metastep
