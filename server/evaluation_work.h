// An evaluation as one phase: every entry on every task.
#ifndef METASTEP_SERVER_EVALUATION_WORK_H_
#define METASTEP_SERVER_EVALUATION_WORK_H_

#include <memory>
#include <string>
#include <vector>

#include "server/run_work.h"

namespace metastep {

// Shard e * tasks + t is entry e on task t. Not thread-safe.
class EvaluationWork final : public RunWork {
 public:
  // REQUIRES: `spec` is resolved, and its models have their versions.
  explicit EvaluationWork(const v1::RunSpec& spec);

  int shards() const override { return static_cast<int>(curves_.size()); }
  void Describe(int shard, v1::Lease& lease) const override;
  std::optional<LanePoint> WarmPoint(int) const override {
    return std::nullopt;
  }
  std::optional<LanePoint> WarmPointAfter(int) const override {
    return std::nullopt;
  }
  absl::Status Take(int shard, const v1::SubmitResultRequest& result) override;
  bool Taken(int shard) const override { return !curves_[shard].empty(); }
  void Close() override;
  const TrainingState* state() const override { return nullptr; }
  bool ended() const override { return ended_; }
  void Report(int done_shards, v1::Run& run) const override;
  std::shared_ptr<const std::vector<float>> Phi(int64_t) const override {
    return nullptr;
  }
  std::optional<Model> Result() const override { return std::nullopt; }

 private:
  const v1::EvaluationSpec& evaluation() const { return spec_.evaluation(); }
  // Whether a shard's theta is kept.
  bool Keeps(int shard) const {
    return evaluation().keep_theta() && shard % evaluation().tasks() == 0;
  }
  absl::Status CheckTheta(int shard, const std::string& theta) const;

  const v1::RunSpec spec_;
  std::vector<std::vector<double>> curves_;  // [entries * tasks][steps + 1]
  std::vector<std::string> thetas_;          // of task 0, [entries]; or empty
  bool ended_ = false;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_EVALUATION_WORK_H_
