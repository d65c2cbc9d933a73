// A fixed set of threads and a queue.
#ifndef METASTEP_BASE_THREAD_POOL_H_
#define METASTEP_BASE_THREAD_POOL_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace metastep {

// Runs jobs in the order they came in, as many at once as there are threads.
// The destructor runs what is queued and joins. Thread-safe.
class ThreadPool {
 public:
  // REQUIRES: threads > 0.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void Schedule(std::function<void()> job);

 private:
  void Work();

  std::vector<std::thread> threads_;  // constant after construction

  Mutex mu_;
  CondVar wake_;
  std::deque<std::function<void()>> jobs_ ABSL_GUARDED_BY(mu_);
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace metastep

#endif  // METASTEP_BASE_THREAD_POOL_H_
