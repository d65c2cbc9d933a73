// Meta-training as phases: rounds of one window of every lane, and every so
// many rounds a validation of the newest phi.
#ifndef METASTEP_SERVER_TRAINING_WORK_H_
#define METASTEP_SERVER_TRAINING_WORK_H_

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "optimizer/curriculum.h"
#include "optimizer/update_rule.h"
#include "server/run_work.h"

namespace metastep {

// The state before the first round. REQUIRES: `spec` is resolved.
TrainingState InitialTraining(const v1::RunSpec& spec);

// The phases follow from the state alone: after phi_version rounds, every lane
// stands before the window of the unroll that the curriculum gives for round
// phi_version; window j of the unroll has used the phi of j rounds after the
// unroll's first. So nothing is stored for a lane. Not thread-safe.
class TrainingWork final : public RunWork {
 public:
  // Errors: InvalidArgument: the outer rule does not fit.
  static absl::StatusOr<std::unique_ptr<TrainingWork>> Create(
      std::string run_id, const v1::RunSpec& spec, TrainingState state,
      const Clock& clock);

  int shards() const override;
  void Describe(int shard, v1::Lease& lease) const override;
  std::optional<LanePoint> WarmPoint(int shard) const override;
  std::optional<LanePoint> WarmPointAfter(int shard) const override;
  absl::Status Take(int shard, const v1::SubmitResultRequest& result) override;
  void Close() override;
  const TrainingState* state() const override { return &state_; }
  bool ended() const override;
  // An outer step has overflowed. It follows from the state, too, so that a
  // crash after the commit changes nothing.
  std::string failure() const override { return failure_; }
  void Report(int done_shards, v1::Run& run) const override;
  std::shared_ptr<const std::vector<float>> Phi(int64_t version) const override;
  std::optional<Model> Result() const override;

 private:
  TrainingWork(std::string run_id, const v1::RunSpec& spec, TrainingState state,
               std::unique_ptr<const UpdateRule> rule, const Clock& clock);

  const v1::TrainingSpec& training() const { return spec_.training(); }
  // Where the next round stands.
  RoundPlace place() const { return curriculum_.PlaceOf(state_.phi_version); }
  // The newest phi is due for validation and has none yet.
  bool validating() const;
  void OpenPhase();
  absl::Status TakeWindow(int shard, const v1::WindowResult& result);
  absl::Status TakeValidation(int shard, const v1::EvaluationResult& result);
  void CloseRound();
  void CloseValidation();
  double Criterion(const v1::ValidationScore& score) const;

  const std::string run_id_;
  const v1::RunSpec spec_;
  const Curriculum curriculum_;
  const std::unique_ptr<const UpdateRule> rule_;
  const Clock& clock_;
  TrainingState state_;
  std::string phi_sha256_;  // of the newest, for every snapshot of the phase
  std::string failure_;     // empty while the newest phi is finite

  // Results of the open phase, by shard.
  std::vector<std::vector<float>> gradients_;  // [lanes][phi], in a round
  std::vector<double> window_losses_;          // [lanes], in a round
  std::vector<std::vector<double>> curves_;    // [tasks][steps + 1]
};

}  // namespace metastep

#endif  // METASTEP_SERVER_TRAINING_WORK_H_
