// A session store with its files in a folder of its own, and a model to open.
#ifndef METASTEP_TESTS_SERVER_SESSION_STORE_FIXTURE_H_
#define METASTEP_TESTS_SERVER_SESSION_STORE_FIXTURE_H_

#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "rpc/float_bytes.h"
#include "server/model_registry.h"
#include "server/session_store.h"
#include "server/step_metrics.h"
#include "tests/server/fixtures.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {

class SessionStoreTest : public testing::Test {
 protected:
  SessionStoreTest() : metrics_(prometheus_) {
    options_.dir = folder_ / "sessions";
    auto registry = ModelRegistry::Open(folder_ / "models", clock_);
    EXPECT_OK(registry);
    registry_ = *std::move(registry);
    EXPECT_OK(registry_->Publish("toy", TestModel(1)));
    Restart();
  }

  // As after a crash, or after SpillAll.
  void Restart() {
    store_.reset();
    auto store = SessionStore::Create(options_, clock_, *registry_, metrics_);
    ASSERT_OK(store);
    store_ = *std::move(store);
  }

  std::string Open(const v1::OpenSessionRequest& request) {
    auto session = store_->Open(request);
    EXPECT_OK(session);
    return session->session_id();
  }
  absl::StatusOr<std::string> Send(const std::string& session_id, int64_t step,
                                   const std::string& gradient) {
    v1::StepRequest request;
    request.set_session_id(session_id);
    request.set_step(step);
    request.set_gradient(gradient);
    auto response = StepAndWait(*store_, request);
    if (!response.ok()) return response.status();
    return response->update();
  }
  // Step number `step` with its own gradient.
  absl::StatusOr<std::vector<float>> Step(const std::string& session_id,
                                          int64_t step) {
    auto update = Send(session_id, step, FloatsToBytes(TestGradient(step)));
    if (!update.ok()) return update.status();
    return FloatsFromBytes(*update);
  }
  absl::StatusOr<v1::Session> Restore(const std::string& snapshot_id,
                                      const std::string& request_id = "r") {
    v1::RestoreSessionRequest request;
    request.set_request_id(request_id);
    request.set_snapshot_id(snapshot_id);
    return store_->Restore(request);
  }
  std::vector<std::string> Listed() {
    std::vector<std::string> ids;
    auto response = store_->List({});
    EXPECT_OK(response);
    for (const v1::Session& session : response->sessions()) {
      ids.push_back(session.session_id());
    }
    return ids;
  }

  const std::filesystem::path folder_ = NewTestFolder();
  SimulatedClock clock_;
  prometheus::Registry prometheus_;
  StepMetrics metrics_;
  std::unique_ptr<ModelRegistry> registry_;
  SessionStoreOptions options_;
  std::unique_ptr<SessionStore> store_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_SERVER_SESSION_STORE_FIXTURE_H_
