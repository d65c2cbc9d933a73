// A step service on a free port and a client of it, both in this process.
#ifndef METASTEP_TESTS_SERVER_STEP_SERVICE_FIXTURE_H_
#define METASTEP_TESTS_SERVER_STEP_SERVICE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/thread_pool.h"
#include "rpc/channel.h"
#include "rpc/float_bytes.h"
#include "rpc/server_host.h"
#include "server/step_service.h"
#include "tests/server/fixtures.h"
#include "tests/server/service_call.h"
#include "tests/support/test_folder.h"

namespace metastep {

class StepServiceTest : public testing::Test {
 protected:
  StepServiceTest() : metrics_(prometheus_), pool_(2) {
    auto registry = ModelRegistry::Open(folder_ / "models", Clock::Real());
    EXPECT_OK(registry);
    registry_ = *std::move(registry);
    EXPECT_OK(registry_->Publish("toy", TestModel(1)));
    auto store = SessionStore::Create({.dir = folder_ / "sessions"},
                                      Clock::Real(), *registry_, metrics_);
    EXPECT_OK(store);
    store_ = *std::move(store);
    service_ = std::make_unique<StepServiceImpl>(*store_, metrics_, pool_);
    auto host = ServerHost::Start(
        {}, {{v1::StepService::service_full_name(), service_.get()}});
    EXPECT_OK(host);
    host_ = *std::move(host);
    stub_ = v1::StepService::NewStub(
        MakeChannel(absl::StrCat("127.0.0.1:", host_->port())));
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(
      grpc::Status (v1::StepService::Stub::*method)(grpc::ClientContext*,
                                                    const Request&, Response*),
      const Request& request) {
    return CallService(*stub_, method, request);
  }
  std::string Open(const v1::OpenSessionRequest& request) {
    auto response = Call(&v1::StepService::Stub::OpenSession, request);
    EXPECT_OK(response);
    return response->session().session_id();
  }
  absl::StatusOr<std::vector<float>> Step(const std::string& session_id,
                                          int64_t step,
                                          const std::vector<float>& gradient) {
    v1::StepRequest request;
    request.set_session_id(session_id);
    request.set_step(step);
    request.set_gradient(FloatsToBytes(gradient));
    auto response = Call(&v1::StepService::Stub::Step, request);
    if (!response.ok()) return response.status();
    return FloatsFromBytes(response->update());
  }
  void ExpectUpdates(const std::string& session_id,
                     const std::vector<std::vector<float>>& expected) {
    for (int64_t step = 1; step <= std::ssize(expected); ++step) {
      EXPECT_THAT(Step(session_id, step, TestGradient(step)),
                  IsOkAndHolds(expected[step - 1]));
    }
  }
  std::string Metrics() {
    return prometheus::TextSerializer().Serialize(prometheus_.Collect());
  }

  const std::filesystem::path folder_ = NewTestFolder();
  prometheus::Registry prometheus_;
  StepMetrics metrics_;
  ThreadPool pool_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<SessionStore> store_;
  std::unique_ptr<StepServiceImpl> service_;
  std::unique_ptr<ServerHost> host_;
  std::unique_ptr<v1::StepService::Stub> stub_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_SERVER_STEP_SERVICE_FIXTURE_H_
