// A model and a session store for the server's tests.
#ifndef METASTEP_TESTS_SERVER_FIXTURES_H_
#define METASTEP_TESTS_SERVER_FIXTURES_H_

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "metastep/v1/step_service.pb.h"
#include "optimizer/model_file.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/rule_factory.h"
#include "optimizer/run_spec.h"
#include "optimizer/update_rule.h"
#include "server/session_store.h"
#include "server/unary_step.h"
#include "tests/support/status_matchers.h"

namespace metastep {

// An LSTM of two small layers for all tensors, with the initial phi of `seed`.
inline Model TestModel(uint64_t seed) {
  v1::LearnedRuleSpec rule;
  rule.mutable_lstm()->set_preset(v1::LstmSpec::PAPER);
  rule.mutable_lstm()->add_hidden(3);
  rule.mutable_lstm()->add_hidden(2);
  auto resolved = ResolveLearnedRule(rule);
  EXPECT_OK(resolved);
  Model model;
  v1::GroupRuleSpec& group = *model.info.add_rules();
  group.set_name("lstm");
  group.add_parameters(std::string("*"));
  *group.mutable_rule() = *resolved;
  model.phi = InitialPhi(model.info.rules(), seed);
  return model;
}

inline v1::HandDesignedSpec TestAdam() {
  v1::HandDesignedSpec spec;
  spec.mutable_adam()->set_learning_rate(0.1);
  return spec;
}

// Two tensors, "w" of [4, 5] and "b" of [3]: 23 coordinates, one block of 16
// and a part of one.
inline constexpr int64_t kTestCoordinates = 23;
inline void AddTestTensors(v1::OpenSessionRequest& request) {
  v1::TensorSpec& w = *request.add_tensors();
  w.set_name("w");
  w.add_shape(4);
  w.add_shape(5);
  v1::TensorSpec& b = *request.add_tensors();
  b.set_name("b");
  b.add_shape(3);
}

inline v1::OpenSessionRequest OpenAdam(const std::string& request_id) {
  v1::OpenSessionRequest request;
  request.set_request_id(request_id);
  *request.mutable_hand_designed() = TestAdam();
  AddTestTensors(request);
  return request;
}

inline v1::OpenSessionRequest OpenModel(const std::string& request_id,
                                        const std::string& name) {
  v1::OpenSessionRequest request;
  request.set_request_id(request_id);
  request.mutable_model()->set_name(name);
  AddTestTensors(request);
  return request;
}

// A gradient that differs from step to step and from coordinate to coordinate.
inline std::vector<float> TestGradient(int64_t step,
                                       int64_t n = kTestCoordinates) {
  std::vector<float> gradient;
  for (int64_t i = 0; i < n; ++i) {
    gradient.push_back(
        std::sin(static_cast<float>(step) + 0.5f * static_cast<float>(i)));
  }
  return gradient;
}

// The updates of steps 1 to n under a rule in this process.
inline std::vector<std::vector<float>> UpdatesInProcess(
    const UpdateRule& rule, int64_t n, int64_t coordinates = kTestCoordinates) {
  std::vector<float> state(static_cast<size_t>(rule.StateFloats(coordinates)));
  std::vector<std::vector<float>> updates;
  for (int64_t step = 1; step <= n; ++step) {
    updates.emplace_back(coordinates);
    rule.Step(step, TestGradient(step, coordinates), absl::MakeSpan(state),
              absl::MakeSpan(updates.back()));
  }
  return updates;
}

inline std::vector<std::vector<float>> AdamInProcess(int64_t n) {
  auto rule = MakeHandDesignedRule(TestAdam());
  EXPECT_OK(rule);
  return UpdatesInProcess(**rule, n);
}

inline std::vector<std::vector<float>> ModelInProcess(const Model& model,
                                                      int64_t n) {
  auto layout = ParameterLayout::Create({{"w", {4, 5}}, {"b", {3}}});
  EXPECT_OK(layout);
  auto rule = MakeLearnedRule(model.info.rules(), *layout, model.phi);
  EXPECT_OK(rule);
  return UpdatesInProcess(**rule, n);
}

// Takes a unary step and waits for its answer.
inline absl::StatusOr<v1::StepResponse> StepAndWait(
    SessionStore& sessions, const v1::StepRequest& request) {
  Mutex mu;
  CondVar answered;
  std::optional<absl::StatusOr<v1::StepResponse>> answer;  // guarded by mu
  TakeUnaryStep(sessions, request, [&](auto response) {
    MutexLock lock(mu);
    answer = std::move(response);
    answered.NotifyAll();
  });
  MutexLock lock(mu);
  while (!answer) answered.Wait(mu);
  return *std::move(answer);
}

}  // namespace metastep

#endif  // METASTEP_TESTS_SERVER_FIXTURES_H_
