#include "client/service_clients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "client/watch_run.h"
#include "rpc/channel.h"
#include "rpc/server_host.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Runs that a test scripts: each WatchRun sends the next of `streams` and ends
// as that says.
class FakeRunService final : public v1::RunService::Service {
 public:
  struct Stream {
    std::vector<v1::Run::State> states;
    grpc::StatusCode end;
  };

  explicit FakeRunService(std::vector<Stream> streams)
      : streams_(std::move(streams)),
        host_(*ServerHost::Start(
            {}, {{v1::RunService::service_full_name(), this}})) {}

  std::shared_ptr<grpc::Channel> Channel() const {
    return MakeChannel(absl::StrCat("127.0.0.1:", host_->port()));
  }

  grpc::Status WatchRun(
      grpc::ServerContext* context, const v1::WatchRunRequest*,
      grpc::ServerWriter<v1::WatchRunResponse>* writer) override {
    const Stream& stream = streams_[watched_++];
    for (const v1::Run::State state : stream.states) {
      v1::WatchRunResponse response;
      response.mutable_run()->set_state(state);
      response.mutable_run()->set_error("out of luck");
      writer->Write(response);
    }
    // OK from a run that goes on stands for a silent stream.
    while (stream.end == grpc::StatusCode::OK && !context->IsCancelled() &&
           stream.states.back() == v1::Run::RUNNING) {
    }
    return grpc::Status(stream.end, "end");
  }

  grpc::Status ListRuns(grpc::ServerContext*,
                        const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override {
    const bool first = request->page_token().empty();
    response->add_runs()->set_run_id(first ? "a" : "b");
    if (first) response->set_next_page_token("next");
    return grpc::Status::OK;
  }

  grpc::Status GetRun(grpc::ServerContext*, const v1::GetRunRequest* request,
                      v1::GetRunResponse*) override {
    return grpc::Status(grpc::StatusCode::NOT_FOUND,
                        "no run " + request->run_id());
  }

 private:
  const std::vector<Stream> streams_;
  size_t watched_ = 0;
  const std::unique_ptr<ServerHost> host_;  // last: it serves this object
};

constexpr auto kRunning = v1::Run::RUNNING;
constexpr auto kSucceeded = v1::Run::SUCCEEDED;
constexpr auto kOk = grpc::StatusCode::OK;
constexpr auto kUnavailable = grpc::StatusCode::UNAVAILABLE;

class RunClientTest : public testing::Test {
 protected:
  absl::StatusOr<v1::Run> Watch(std::vector<FakeRunService::Stream> streams) {
    FakeRunService service(std::move(streams));
    RunClient client(service.Channel(), cancellation_);
    return client.Watch("run", [this](const v1::Run& run) {
      seen_.push_back(run.state());
      if (stop_when_running_) {
        cancellation_.Cancel(absl::CancelledError("stop"));
      }
    });
  }

  Cancellation cancellation_;
  bool stop_when_running_ = false;
  std::vector<v1::Run::State> seen_;
};

TEST_F(RunClientTest, WatchGoesOnThroughABrokenStream) {
  ASSERT_OK_AND_ASSIGN(const v1::Run run,
                       Watch({{{kRunning, kRunning}, kUnavailable},
                              {{kRunning}, grpc::StatusCode::CANCELLED},
                              {{kSucceeded}, kOk}}));
  EXPECT_EQ(run.state(), kSucceeded);
  EXPECT_THAT(seen_, ElementsAre(kRunning, kRunning, kRunning, kSucceeded));
}

// As by a server that stops just when the stream is renewed.
TEST_F(RunClientTest, WatchGoesOnAfterAStreamThatSaidNothing) {
  ASSERT_OK_AND_ASSIGN(
      const v1::Run run,
      Watch({{{}, grpc::StatusCode::CANCELLED}, {{kSucceeded}, kOk}}));
  EXPECT_EQ(run.state(), kSucceeded);
}

TEST_F(RunClientTest, WatchReportsOtherErrors) {
  EXPECT_THAT(Watch({{{kRunning}, grpc::StatusCode::NOT_FOUND}}),
              StatusIs(absl::StatusCode::kNotFound, "end"));
}

TEST_F(RunClientTest, ACancellationEndsASilentWatch) {
  stop_when_running_ = true;
  EXPECT_FALSE(Watch({{{kRunning}, kOk}}).ok());
  EXPECT_THAT(seen_, ElementsAre(kRunning));
}

TEST_F(RunClientTest, ListReadsAllPages) {
  FakeRunService service({});
  RunClient client(service.Channel(), cancellation_);
  ASSERT_OK_AND_ASSIGN(const auto runs, client.List());
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].run_id(), "a");
  EXPECT_EQ(runs[1].run_id(), "b");
}

TEST_F(RunClientTest, ErrorsAreTheServers) {
  FakeRunService service({});
  RunClient client(service.Channel(), cancellation_);
  EXPECT_THAT(client.Get("x"),
              StatusIs(absl::StatusCode::kNotFound, "no run x"));
}

TEST_F(RunClientTest, ARunThatFailedIsAborted) {
  FakeRunService service({{{v1::Run::FAILED}, kOk}});
  RunClient client(service.Channel(), cancellation_);
  SimulatedClock clock;
  std::ostringstream ignored;
  ProgressLine progress(ProgressLine::Style::kSilent, ignored, clock);
  EXPECT_THAT(WatchToEnd(client, "r", progress),
              StatusIs(absl::StatusCode::kAborted,
                       HasSubstr("run r failed: out of luck")));
}

}  // namespace
}  // namespace metastep
