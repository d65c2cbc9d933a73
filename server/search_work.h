// A search over the outer learning rate: a run that is made of trials, which
// are training runs like any other.
#ifndef METASTEP_SERVER_SEARCH_WORK_H_
#define METASTEP_SERVER_SEARCH_WORK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/run_store.h"
#include "server/run_work.h"

namespace metastep {

bool IsSearch(const v1::RunSpec& spec);

// The runs to create for a new run: itself, and if it is a search, its trials
// by number. REQUIRES: its spec is resolved, and its id is set.
std::vector<StoredRun> WithTrials(StoredRun run);

// Has no shards of its own: the trials' shards are leased as those of any run.
// It ends when all trials have, and its model is that of the best. Everything
// follows from the trials' runs, so nothing is stored for it but its end. Not
// thread-safe.
class SearchWork final : public RunWork {
 public:
  // REQUIRES: `search` is one, and lists its trials.
  explicit SearchWork(const v1::Run& search);

  int shards() const override { return 0; }
  void Describe(int, v1::Lease&) const override {}
  std::optional<LanePoint> WarmPoint(int) const override {
    return std::nullopt;
  }
  std::optional<LanePoint> WarmPointAfter(int) const override {
    return std::nullopt;
  }
  absl::Status Take(int shard, const v1::SubmitResultRequest& result) override;
  void Close() override {}
  const TrainingState* state() const override { return nullptr; }
  bool ended() const override;
  std::string failure() const override;
  void Report(int done_shards, v1::Run& run) const override;
  std::shared_ptr<const std::vector<float>> Phi(int64_t) const override {
    return nullptr;
  }
  std::optional<Model> Result() const override { return model_; }
  void TakePart(const v1::Run& trial,
                const std::optional<Model>& model) override;

 private:
  // Of two trials with a validation: the better one, or the first of equals.
  bool Better(int a, int b) const;

  const v1::TrainingSpec spec_;
  std::vector<v1::Trial> trials_;
  std::optional<int> winner_;   // the best of those that have succeeded
  std::optional<Model> model_;  // the winner's
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SEARCH_WORK_H_
