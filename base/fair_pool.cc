#include "base/fair_pool.h"

#include <utility>

namespace metastep {

FairPool::FairPool(int threads) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

FairPool::~FairPool() {
  {
    MutexLock lock(mu_);
    closing_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
  while (RunOne()) {
  }
}

void FairPool::Schedule(const void* owner, std::function<void()> job) {
  {
    MutexLock lock(mu_);
    std::deque<Job>& jobs = jobs_[owner];
    if (jobs.empty()) turns_.push_back(owner);
    jobs.push_back(std::move(job));
  }
  wake_.NotifyOne();
}

bool FairPool::RunOne() {
  Job job;
  {
    MutexLock lock(mu_);
    if (turns_.empty()) return false;
    job = TakeNext();
  }
  job();
  return true;
}

void FairPool::Work() {
  while (true) {
    {
      MutexLock lock(mu_);
      while (turns_.empty() && !closing_) wake_.Wait(mu_);
      if (turns_.empty()) return;
    }
    RunOne();
  }
}

FairPool::Job FairPool::TakeNext() {
  const void* owner = turns_.front();
  turns_.pop_front();
  const auto jobs = jobs_.find(owner);
  Job job = std::move(jobs->second.front());
  jobs->second.pop_front();
  if (jobs->second.empty()) {
    jobs_.erase(jobs);
  } else {
    turns_.push_back(owner);
  }
  return job;
}

}  // namespace metastep
