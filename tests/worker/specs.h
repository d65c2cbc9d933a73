// Leases of a small run, shared by the worker's tests.
#ifndef METASTEP_TESTS_WORKER_SPECS_H_
#define METASTEP_TESTS_WORKER_SPECS_H_

#include <cstdint>
#include <string>

#include "metastep/v1/coordinator_service.pb.h"
#include "optimizer/rule_factory.h"
#include "rpc/float_bytes.h"
#include "tests/support/run_specs.h"

namespace metastep {

// Gaussian quadratics with an LSTM of three units; three windows an unroll.
inline v1::RunSpec SmallTraining() {
  return Resolved(R"(
    name: "small"
    seed: 7
    task { quadratic { distribution: GAUSSIAN dimensions: 2 problems: 3 } }
    training {
      rules { name: "lstm" rule { lstm { hidden: 3 } } }
      unroll { horizon: 6 window: 2 }
      rounds: 10
      validation { every_rounds: 10 }
    })");
}

// A window under phi versions 0 to `window`.
inline v1::Lease WindowLease(int64_t unroll, int32_t window) {
  v1::Lease lease;
  lease.set_lease_id("window-lease");
  lease.set_run_id("run");
  *lease.mutable_spec() = SmallTraining();
  lease.mutable_window()->set_lane(1);
  lease.mutable_window()->set_unroll(unroll);
  lease.mutable_window()->set_window(window);
  for (int64_t version = 0; version <= window; ++version) {
    lease.mutable_window()->add_phi_versions(version);
  }
  return lease;
}

// SGD of rate 1/2 on x^2 from x = 1. The gradient is 2x, so one step leads to
// x = 0: the losses are 1, 0, 0.
inline v1::Lease SgdLease(const std::string& lease_id) {
  v1::Lease lease = WindowLease(0, 0);
  lease.set_lease_id(lease_id);
  lease.mutable_spec()->mutable_task()->mutable_square();
  v1::EvaluationShard& shard = *lease.mutable_evaluation();
  shard.set_tasks_from(v1::EvaluationShard::TEST);
  shard.set_steps(2);
  shard.mutable_hand_designed()->mutable_sgd()->set_learning_rate(0.5);
  return lease;
}

// Answers for phi version v with the initial phi of seed v.
inline v1::FetchPhiResponse PhiAnswer(int64_t version) {
  const RuleSpecs rules = SmallTraining().training().rules();
  v1::FetchPhiResponse response;
  response.set_phi(FloatsToBytes(InitialPhi(rules, version)));
  *response.mutable_rules() = rules;
  return response;
}

}  // namespace metastep

#endif  // METASTEP_TESTS_WORKER_SPECS_H_
