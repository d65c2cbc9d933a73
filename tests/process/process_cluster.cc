#include "tests/process/process_cluster.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <signal.h>

#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/channel.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(20);
// A run takes seconds; under a sanitizer and on a busy machine two minutes.
constexpr absl::Duration kRunTimeout = absl::Minutes(5);

std::string Binary(const std::string& name) {
  return std::string(METASTEP_BIN_DIR) + "/" + name;
}

}  // namespace

ProcessCluster::ProcessCluster(std::vector<std::string> flags)
    : state_dir_(NewTestFolder()), flags_(std::move(flags)) {
  StartServer(/*port=*/0);
}

ProcessCluster::~ProcessCluster() {
  workers_.clear();
  server_.reset();
}

std::unique_ptr<ChildProcess> ProcessCluster::StartProgram(
    std::vector<std::string> argv) const {
  argv.push_back("--exit-with-parent");
  argv.insert(argv.end(), flags_.begin(), flags_.end());
  return ChildProcess::Start(std::move(argv));
}

void ProcessCluster::StartServer(int port) {
  server_ = StartProgram({Binary("metastep-server"), "--listen",
                          absl::StrCat("127.0.0.1:", port), "--state-dir",
                          state_dir_.string(), "--http", "127.0.0.1:0",
                          "--lease-duration", kLeaseDuration});
  const std::string line = server_->WaitForLine("{\"port\"");
  ASSERT_EQ(std::sscanf(line.c_str(), "{\"port\":%d,\"http_port\":%d}", &port_,
                        &http_port_),
            2)
      << server_->output();
  address_ = absl::StrCat("127.0.0.1:", port_);
  runs_ = v1::RunService::NewStub(MakeChannel(address_));
}

void ProcessCluster::KillAndRestartServer() {
  server_->Signal(SIGKILL);
  server_->Wait();
  StartServer(port_);
}

void ProcessCluster::AddWorker() {
  workers_.push_back(StartProgram(
      {Binary("metastep-worker"), "--server", address_, "--slots", "1"}));
  ASSERT_NE(workers_.back()->WaitForLine("registered"), "")
      << workers_.back()->output();
}

std::string ProcessCluster::HttpUrl(const std::string& path) const {
  return absl::StrCat("http://127.0.0.1:", http_port_, path);
}

std::string ProcessCluster::Http(const std::string& path) const {
  const auto answer =
      httplib::Client("127.0.0.1", http_port_).Get(path.c_str());
  EXPECT_TRUE(answer) << path;
  return answer ? answer->body : "";
}

std::string ProcessCluster::CreateRun(const v1::RunSpec& spec) {
  grpc::ClientContext context;
  SetTimeout(context, kCallTimeout);
  v1::CreateRunRequest request;
  request.set_request_id(spec.name());
  *request.mutable_spec() = spec;
  v1::CreateRunResponse response;
  const grpc::Status status = runs_->CreateRun(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.run().run_id();
}

v1::Run ProcessCluster::Watch(const std::string& run_id,
                              const std::function<void(const v1::Run&)>& seen) {
  const absl::Time deadline = absl::Now() + kRunTimeout;
  v1::WatchRunResponse response;
  while (absl::Now() < deadline) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    SetTimeout(context, deadline - absl::Now());
    v1::WatchRunRequest request;
    request.set_run_id(run_id);
    // `seen` may replace runs_; the stream outlives its stub.
    const auto stream = runs_->WatchRun(&context, request);
    while (stream->Read(&response)) seen(response.run());
    const grpc::Status status = stream->Finish();
    if (status.ok()) return response.run();
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE) {
      ADD_FAILURE() << status.error_message();
      return response.run();
    }
  }
  ADD_FAILURE() << "run " << run_id << " did not end; server said:\n"
                << server_->output();
  return response.run();
}

}  // namespace metastep
