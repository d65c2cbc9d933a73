// Evaluation on the client's side: the tasks are here, the optimizers are
// sessions of the step service.
#ifndef METASTEP_CLIENT_REMOTE_EVALUATOR_H_
#define METASTEP_CLIENT_REMOTE_EVALUATOR_H_

#include <grpcpp/channel.h>

#include <memory>
#include <vector>

#include "client/evaluator.h"
#include "client/progress.h"
#include "client/remote_optimizer.h"
#include "optimizee/task.h"
#include "rpc/cancellation.h"

namespace metastep {

// Draws the same tasks as the workers do for this seed; keeps no theta. Not
// thread-safe.
class RemoteEvaluator final : public Evaluator {
 public:
  // References must outlive it.
  RemoteEvaluator(std::shared_ptr<grpc::Channel> channel,
                  const TaskFamily& family, uint64_t seed,
                  ProgressLine& progress, const Cancellation& cancellation,
                  const RemoteOptimizerOptions& session_options = {});

  // Errors: also the cancellation's.
  absl::StatusOr<std::vector<v1::LossCurve>> Evaluate(
      const v1::EvaluationSpec& what) override;

 private:
  // f_t(theta_t), t = 0 to steps, of one rule on one task.
  absl::StatusOr<std::vector<double>> Unroll(const v1::EvaluationEntry& entry,
                                             Task& task, int steps) const;

  // Losses of every entry on every task, [entries * tasks][steps + 1].
  absl::StatusOr<std::vector<std::vector<double>>> UnrollAll(
      const v1::EvaluationSpec& what) const;

  const std::shared_ptr<grpc::Channel> channel_;
  const TaskFamily& family_;
  const uint64_t seed_;
  ProgressLine& progress_;
  const Cancellation& cancellation_;
  const RemoteOptimizerOptions session_options_;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_REMOTE_EVALUATOR_H_
