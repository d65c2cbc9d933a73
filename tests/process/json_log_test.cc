// What log collectors read of the processes.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "metastep/v1/step_service.grpc.pb.h"
#include "optimizer/run_spec.h"
#include "rpc/channel.h"
#include "tests/process/process_cluster.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using nlohmann::json;

// The lines of a drained process; what is no object with a time, a severity and
// a message fails the test. The server's announcement, on standard output, is
// left out.
std::vector<json> LinesOf(ChildProcess& process) {
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
  std::vector<json> lines;
  for (const absl::string_view text :
       absl::StrSplit(process.output(), '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(text, "{\"port\"")) continue;
    json line = json::parse(text.begin(), text.end(), nullptr,
                            /*allow_exceptions=*/false);
    EXPECT_TRUE(line.is_object() && line.contains("time") &&
                line.contains("severity") && line.contains("message"))
        << text;
    if (line.is_object()) lines.push_back(std::move(line));
  }
  return lines;
}

// The first line whose message has `text`, without what all lines have.
json FieldsOf(const std::vector<json>& lines, const std::string& text) {
  for (json line : lines) {
    const std::string message = line.value("message", "");
    if (message.find(text) == std::string::npos) continue;
    for (const char* key : {"time", "severity", "message"}) line.erase(key);
    return line;
  }
  ADD_FAILURE() << "no line has: " << text;
  return {};
}

// Opens a session; its id.
std::string OpenSession(const std::string& address,
                        const std::string& request_id) {
  const auto steps = v1::StepService::NewStub(MakeChannel(address));
  grpc::ClientContext context;
  SetTimeout(context, absl::Seconds(20));
  v1::OpenSessionRequest request;
  request.set_request_id(request_id);
  request.mutable_hand_designed()->mutable_sgd()->set_learning_rate(0.1f);
  auto& tensor = *request.add_tensors();
  tensor.set_name("x");
  tensor.add_shape(2);
  v1::OpenSessionResponse response;
  const grpc::Status status = steps->OpenSession(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.session().session_id();
}

TEST(JsonLogTest, LinesCarryWhatTheyAreAbout) {
  ProcessCluster cluster({"--log-format", "json"});
  cluster.AddWorker();
  // There are no such files, so its shards fail.
  ASSERT_OK_AND_ASSIGN(const v1::RunSpec spec, ParseRunSpec(R"(
    name: "failing"
    task { mlp { dataset: "mnist" batch_size: 8 } }
    training {
      rules { name: "linear" rule { lstm { initialization: ZEROS } } }
      rounds: 1
    })"));
  const std::string run_id = cluster.CreateRun(spec);
  ASSERT_NE(run_id, "");
  EXPECT_EQ(cluster.Watch(run_id, [](const v1::Run&) {}).state(),
            v1::Run::FAILED);
  const std::string session_id = OpenSession(cluster.address(), "intent-1");

  const std::vector<json> worker = LinesOf(cluster.worker(0));
  const json registered = FieldsOf(worker, "registered as");
  ASSERT_TRUE(registered.contains("worker")) << registered;

  const std::vector<json> server = LinesOf(cluster.server());
  // The request's id is the run's name (ProcessCluster).
  EXPECT_EQ(FieldsOf(server, "starts"),
            json({{"run", run_id}, {"request_id", "failing"}}));
  EXPECT_EQ(FieldsOf(server, "shard 0 failed at worker"),
            json({{"run", run_id},
                  {"round", 0},
                  {"shard", 0},
                  {"worker", registered["worker"]}}));
  EXPECT_EQ(FieldsOf(server, "is open"),
            json({{"session", session_id}, {"request_id", "intent-1"}}));
}

}  // namespace
}  // namespace metastep
