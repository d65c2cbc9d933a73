// Evaluation by a server's workers.
#ifndef METASTEP_CLIENT_RUN_EVALUATOR_H_
#define METASTEP_CLIENT_RUN_EVALUATOR_H_

#include <vector>

#include "absl/status/statusor.h"
#include "client/evaluator.h"
#include "client/progress.h"
#include "client/service_clients.h"
#include "metastep/v1/run_service.pb.h"
#include "metastep/v1/spec.pb.h"

namespace metastep {

// Each evaluation is a run. Not thread-safe.
class RunEvaluator final : public Evaluator {
 public:
  // One of start_run.h's, or what calls it.
  using Start = absl::StatusOr<v1::Run>(RunClient& runs,
                                        const v1::RunSpec& spec);

  // Takes name, seed and task from `base`. `runs` and `progress` must outlive
  // it.
  RunEvaluator(const v1::RunSpec& base, RunClient& runs, ProgressLine& progress,
               Start& start);

  // Asks for so many entries in a run that its message stays small, and that
  // the server holds no more than kMaxHeldLosses. Errors: also Aborted, if the
  // run fails. A run whose watch fails is cancelled: nobody waits for it any
  // more.
  absl::StatusOr<std::vector<v1::LossCurve>> Evaluate(
      const v1::EvaluationSpec& what) override;

 private:
  absl::StatusOr<std::vector<v1::LossCurve>> EvaluateInOneRun(
      const v1::EvaluationSpec& what);

  v1::RunSpec base_;  // without work
  RunClient& runs_;
  ProgressLine& progress_;
  Start& start_;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_RUN_EVALUATOR_H_
