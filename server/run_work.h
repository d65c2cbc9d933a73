// What a run computes, as the coordinator sees it: phases of shards, one after
// another. Training, evaluation and search implement it; the coordinator knows
// none of them.
#ifndef METASTEP_SERVER_RUN_WORK_H_
#define METASTEP_SERVER_RUN_WORK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "metastep/v1/coordinator_service.pb.h"
#include "metastep/v1/run_service.pb.h"
#include "optimizer/model_file.h"
#include "server/run_store.h"
#include "server/worker_table.h"

namespace metastep {

// Not thread-safe.
class RunWork {
 public:
  virtual ~RunWork() = default;

  // Shards of the phase that is open.
  virtual int shards() const = 0;
  // Writes the shard's work into a lease (`round` and `work`).
  virtual void Describe(int shard, v1::Lease& lease) const = 0;
  // The lane state that would spare a worker the replay; none where nothing is
  // carried over.
  virtual std::optional<LanePoint> WarmPoint(int shard) const = 0;
  // The lane state that a worker holds once the shard's result is taken.
  virtual std::optional<LanePoint> WarmPointAfter(int shard) const = 0;
  // Keeps a shard's result. Errors: InvalidArgument: it is not finite or has
  // the wrong size; nothing was kept.
  virtual absl::Status Take(int shard,
                            const v1::SubmitResultRequest& result) = 0;
  // Whether the shard's result was taken before the run was taken up.
  virtual bool Taken(int shard) const {
    (void)shard;
    return false;
  }
  // Ends the phase, all of whose results were taken, and opens the next.
  virtual void Close() = 0;
  // What the store must hold before the next phase's shards are leased; null
  // where nothing is carried over.
  virtual const TrainingState* state() const = 0;
  // Whether nothing is left to do.
  virtual bool ended() const = 0;
  // Writes done, total and all that is known so far into the run.
  virtual void Report(int done_shards, v1::Run& run) const = 0;
  // Phi at a version that a lease may name; null if there is none.
  virtual std::shared_ptr<const std::vector<float>> Phi(
      int64_t version) const = 0;
  // The model to publish once ended; none for an evaluation.
  virtual std::optional<Model> Result() const = 0;
  // Why it has ended without what it was to come to; empty: it has not.
  virtual std::string failure() const { return ""; }
  // Notes how another run stands that this one is made of, with its model once
  // it has SUCCEEDED. Only a search is made of runs.
  virtual void TakePart(const v1::Run& part,
                        const std::optional<Model>& model) {
    (void)part, (void)model;
  }
};

}  // namespace metastep

#endif  // METASTEP_SERVER_RUN_WORK_H_
