// Threads that many owners share in turn.
#ifndef METASTEP_BASE_FAIR_POOL_H_
#define METASTEP_BASE_FAIR_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"

namespace metastep {

// Every owner has a queue of its own, and the threads take one job from each
// queue in turn: an owner with a thousand jobs delays one with a single job by
// one job a thread, not by a thousand. An owner's jobs start in the order they
// came in, and run on as many threads as are free. The queues are as long as
// the owners make them. The destructor runs what is queued and joins.
// Thread-safe.
class FairPool {
 public:
  // With no threads, jobs are run by RunOne alone.
  explicit FairPool(int threads);
  ~FairPool();
  FairPool(const FairPool&) = delete;
  FairPool& operator=(const FairPool&) = delete;

  // `owner` is only compared.
  void Schedule(const void* owner, std::function<void()> job);

  // Runs the job that is next, on this thread; false if there is none.
  bool RunOne();

 private:
  using Job = std::function<void()>;

  void Work();
  // REQUIRES: there is a job.
  Job TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::vector<std::thread> threads_;  // constant after construction

  Mutex mu_;
  CondVar wake_;
  // The owners that have jobs, next first, and their jobs.
  std::deque<const void*> turns_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<const void*, std::deque<Job>> jobs_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace metastep

#endif  // METASTEP_BASE_FAIR_POOL_H_
