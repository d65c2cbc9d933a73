// One step of a session, from its first gradient to its last update.
//
// A step is computed while its gradient arrives, and yet can fail until all of
// it has arrived. What is computed before that keeps a copy of the state that
// it replaces, as far as the undo budget reaches; what is computed after it
// needs none. So memory and time for going back are spent only where the
// network is what is waited for.
#ifndef METASTEP_SERVER_SESSION_STEP_H_
#define METASTEP_SERVER_SESSION_STEP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/fair_pool.h"
#include "base/mutex.h"
#include "metastep/v1/step_service.pb.h"
#include "optimizer/parameter_layout.h"
#include "optimizer/update_rule.h"
#include "server/session_budget.h"
#include "server/session_state.h"
#include "server/step_plan.h"
#include "server/turn.h"
#include "server/undo_budget.h"

namespace metastep {

// What all sessions share to compute their steps. Both outlive them.
struct StepResources {
  FairPool& pool;
  UndoBudget& undo;
};

// What a session's steps work on. But for the constants and next_step it
// belongs to whoever has the turn.
struct SessionCore {
  const SessionBudget::Room room;  // first: given back when the rest is gone
  const StepResources resources;
  const ParameterLayout layout;
  const std::unique_ptr<const UpdateRule> rule;
  const std::vector<StepTask> tasks;
  Turn turn;

  std::atomic<int64_t> next_step;  // the number that the next step carries
  std::vector<float> update;       // of the step before it, [N]; empty for 0
  SessionState state;              // after that step
  // A gradient as it comes, and its update as it is computed, [N]. Empty before
  // the first step.
  std::vector<float> pending;
};

// The error of a step that has to make way for another call.
absl::Status Preempted(int64_t step);

// Made by the holder of the session's turn, and gives the turn back when it is
// destroyed: with the step taken if all of its gradient was, and with the
// session as before it if not. Thread-safe, but Take is for one at a time.
class SessionStep : public std::enable_shared_from_this<SessionStep> {
 public:
  // Called when ready() has grown, with its new value (each once, but maybe out
  // of order), on whichever thread made it grow.
  using Listener = std::function<void(const SessionStep&, int64_t ready)>;

  // REQUIRES: `step` is the core's next_step, or the one before it if that has
  // an update. `listener` may be empty.
  SessionStep(std::shared_ptr<SessionCore> core, int64_t step,
              Listener listener);
  ~SessionStep();
  SessionStep(const SessionStep&) = delete;
  SessionStep& operator=(const SessionStep&) = delete;

  int64_t step() const { return step_; }
  // Whether this is the last step again: all is ready from the beginning.
  bool repeated() const { return repeated_; }
  int64_t coordinates() const { return core_->layout.coordinates(); }

  // Takes the gradient of the next coordinates and computes what can be
  // computed. A repeated step ignores it. Errors, after which the step cannot
  // go on:
  //   InvalidArgument (GRADIENT_SHAPE): not whole floats, or too many.
  //   InvalidArgument (GRADIENT_NOT_FINITE; tensor, offset).
  //   Aborted (STEP_PREEMPTED): after Abandon.
  absl::Status Take(v1::FloatFormat format, absl::string_view gradient);

  // Coordinates whose gradient has been taken.
  int64_t taken() const;

  // Computes nothing more, unless all of the gradient was taken. Has a thread
  // of the pool go back, if the caller lets go of it now.
  void Abandon();

  // The updates of the first ready() coordinates can be read; of all, once the
  // step is taken.
  int64_t ready() const;
  absl::Span<const float> update() const { return update_; }  // [N]

 private:
  struct Undo {
    int64_t state_begin;
    std::string bytes;
  };

  absl::Status CheckSize(v1::FloatFormat format,
                         absl::string_view gradient) const;
  absl::Status CheckFinite(int64_t begin, int64_t size) const;
  // Tasks that can now be computed: [first, second).
  std::pair<size_t, size_t> NextTasks() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool ReserveUndo(const StepTask& task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FreeUndo() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Start(size_t task);
  void Run(size_t task);
  // Whether a task may be computed; keeps what going back will need.
  bool Prepare(const StepTask& task);
  void Compute(const StepTask& task);
  // Returns ready() before and after.
  std::pair<int64_t, int64_t> MarkDone(size_t task);
  int64_t Ready() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Commit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<SessionCore> core_;
  const int64_t step_;
  const bool repeated_;
  const Listener listener_;
  absl::Span<const float> update_;  // constant after construction

  mutable Mutex mu_;
  int64_t taken_ ABSL_GUARDED_BY(mu_) = 0;
  bool certain_ ABSL_GUARDED_BY(mu_) = false;  // all of the gradient was taken
  bool abandoned_ ABSL_GUARDED_BY(mu_) = false;
  size_t started_ ABSL_GUARDED_BY(mu_) = 0;      // tasks, from the first on
  size_t done_before_ ABSL_GUARDED_BY(mu_) = 0;  // all tasks before it are done
  std::vector<bool> done_ ABSL_GUARDED_BY(mu_);  // [tasks]
  std::vector<Undo> undo_ ABSL_GUARDED_BY(mu_);
  int64_t undo_reserved_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_STEP_H_
