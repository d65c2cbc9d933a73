#include "rpc/server_host.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "metastep/v1/coordinator_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/health.h"
#include "rpc/status_conversion.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

// Answers Heartbeat at once, and FetchPhi only when told to.
class SlowService final : public v1::CoordinatorService::Service {
 public:
  grpc::Status Heartbeat(grpc::ServerContext*, const v1::HeartbeatRequest*,
                         v1::HeartbeatResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status FetchPhi(grpc::ServerContext*, const v1::FetchPhiRequest*,
                        v1::FetchPhiResponse*) override {
    MutexLock lock(mu_);
    called_ = true;
    changed_.NotifyAll();
    while (!released_) changed_.Wait(mu_);
    return grpc::Status::OK;
  }
  void WaitForCall() {
    MutexLock lock(mu_);
    while (!called_) changed_.Wait(mu_);
  }
  void Release() {
    MutexLock lock(mu_);
    released_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool called_ ABSL_GUARDED_BY(mu_) = false;
  bool released_ ABSL_GUARDED_BY(mu_) = false;
};

// One stream of a service whose generated code is not packaged: messages are
// protobuf bytes, written out by hand.
class RawStream {
 public:
  RawStream(const std::shared_ptr<grpc::Channel>& channel,
            const std::string& method)
      : stub_(channel), call_(stub_.PrepareCall(&context_, method, &queue_)) {
    SetTimeout(context_, absl::Seconds(30));
    call_->StartCall(nullptr);
    Wait();
  }
  ~RawStream() {
    context_.TryCancel();
    grpc::Status status;
    call_->Finish(&status, nullptr);
    Wait();
    queue_.Shutdown();
  }

  void Write(const std::string& bytes) {
    const grpc::Slice slice(bytes);
    call_->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    Wait();
  }
  // The next message; nothing when the stream has ended.
  std::optional<std::string> Read() {
    grpc::ByteBuffer buffer;
    call_->Read(&buffer, nullptr);
    grpc::Slice slice;
    if (!Wait() || !buffer.DumpToSingleSlice(&slice).ok()) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(slice.begin()),
                       slice.size());
  }

 private:
  bool Wait() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
  const std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

constexpr char kServiceName[] = "metastep.v1.CoordinatorService";

HostedService Hosted(SlowService& service) {
  return {v1::CoordinatorService::service_full_name(), &service};
}

constexpr char kHealthWatch[] = "/grpc.health.v1.Health/Watch";
constexpr char kReflect[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
// HealthCheckResponse.status = 1, a varint.
constexpr char kServing[] = "\x08\x01";
constexpr char kNotServing[] = "\x08\x02";

// HealthCheckRequest.service = 1, a string.
std::string HealthRequest(const std::string& service) {
  return absl::StrCat("\x0a", std::string(1, static_cast<char>(service.size())),
                      service);
}

class ServerHostTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(host_, ServerHost::Start({}, {Hosted(service_)}));
    channel_ = MakeChannel(absl::StrCat("127.0.0.1:", host_->port()));
    stub_ = v1::CoordinatorService::NewStub(channel_);
  }

  absl::Status FetchPhi(const v1::FetchPhiRequest& request,
                        absl::Duration timeout) {
    grpc::ClientContext context;
    SetTimeout(context, timeout);
    v1::FetchPhiResponse response;
    return FromGrpcStatus(stub_->FetchPhi(&context, request, &response));
  }

  SlowService service_;
  std::unique_ptr<ServerHost> host_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::CoordinatorService::Stub> stub_;
};

TEST_F(ServerHostTest, CheckHealthTellsServingFromUnknownAndGone) {
  constexpr absl::Duration kTimeout = absl::Seconds(30);
  EXPECT_OK(CheckHealth(channel_, "", kTimeout));
  EXPECT_OK(CheckHealth(channel_, kServiceName, kTimeout));
  EXPECT_THAT(CheckHealth(channel_, "metastep.v1.Other", kTimeout),
              StatusIs(absl::StatusCode::kNotFound, testing::_));
  host_.reset();
  EXPECT_THAT(CheckHealth(channel_, "", kTimeout),
              StatusIs(absl::StatusCode::kUnavailable, testing::_));
}

TEST_F(ServerHostTest, BindsAFreePortAndServes) {
  EXPECT_GT(host_->port(), 0);
  grpc::ClientContext context;
  SetTimeout(context, absl::Seconds(30));
  v1::HeartbeatResponse response;
  EXPECT_OK(FromGrpcStatus(stub_->Heartbeat(&context, {}, &response)));
}

TEST_F(ServerHostTest, HealthIsServingByFullNameAndForTheWhole) {
  for (const std::string service : {kServiceName, ""}) {
    RawStream health(channel_, kHealthWatch);
    health.Write(HealthRequest(service));
    EXPECT_EQ(health.Read(), kServing) << service;
  }
}

TEST_F(ServerHostTest, DrainSaysNotServingAndLetsCallsFinish) {
  absl::Status in_flight = absl::UnknownError("not finished");
  std::thread caller([&] { in_flight = FetchPhi({}, absl::Seconds(30)); });
  service_.WaitForCall();
  std::optional<std::thread> drain;
  {
    RawStream health(channel_, kHealthWatch);
    health.Write(HealthRequest(kServiceName));
    EXPECT_EQ(health.Read(), kServing);
    drain.emplace([&] { host_->Drain(absl::Seconds(30)); });
    EXPECT_EQ(health.Read(), kNotServing);
  }
  service_.Release();
  caller.join();
  drain->join();
  EXPECT_OK(in_flight);
}

// Clients retry UNAVAILABLE alone: a restart must not look like anything else.
TEST_F(ServerHostTest, DrainWithoutGraceMakesCallsUnavailable) {
  absl::Status in_flight = absl::UnknownError("not finished");
  std::thread caller([&] { in_flight = FetchPhi({}, absl::Seconds(30)); });
  service_.WaitForCall();
  std::thread drain([&] { host_->Drain(absl::ZeroDuration()); });
  caller.join();
  service_.Release();
  drain.join();
  EXPECT_THAT(in_flight, StatusIs(absl::StatusCode::kUnavailable, testing::_));
}

TEST_F(ServerHostTest, RefusesCallsAfterDrain) {
  host_->Drain(absl::ZeroDuration());
  EXPECT_THAT(FetchPhi({}, absl::Seconds(30)),
              StatusIs(absl::StatusCode::kUnavailable, testing::_));
}

TEST_F(ServerHostTest, RefusesASecondServerOnItsPort) {
  SlowService service;
  const std::string address = absl::StrCat("127.0.0.1:", host_->port());
  EXPECT_THAT(ServerHost::Start({.listen = address}, {Hosted(service)}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
}

TEST_F(ServerHostTest, RefusesAnAddressThatIsNotThisMachines) {
  SlowService service;
  // 192.0.2.0/24 is kept for documentation (RFC 5737).
  EXPECT_THAT(
      ServerHost::Start({.listen = "192.0.2.1:7070"}, {Hosted(service)}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("192.0.2.1:7070")));
}

TEST_F(ServerHostTest, RefusesMessagesOverItsLimit) {
  v1::FetchPhiRequest request;
  request.mutable_run()->set_run_id(std::string(5 << 20, 'r'));  // over 4 MiB
  EXPECT_THAT(FetchPhi(request, absl::Seconds(30)),
              StatusIs(absl::StatusCode::kResourceExhausted, testing::_));
}

TEST_F(ServerHostTest, ReflectionListsTheServices) {
  RawStream reflection(channel_, kReflect);
  // ServerReflectionRequest.list_services = 7, a string.
  reflection.Write("\x3a\x01*");
  EXPECT_THAT(reflection.Read(), testing::Optional(HasSubstr(kServiceName)));
}

TEST_F(ServerHostTest, CallsEndAtTheirDeadline) {
  EXPECT_THAT(FetchPhi({}, absl::Milliseconds(10)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, testing::_));
  service_.Release();
}

}  // namespace
}  // namespace metastep
