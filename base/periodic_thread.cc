#include "base/periodic_thread.h"

#include <utility>

namespace metastep {

PeriodicThread::PeriodicThread(absl::Duration period, std::function<void()> act)
    : period_(period), act_(std::move(act)), thread_([this] { Loop(); }) {}

PeriodicThread::~PeriodicThread() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
}

void PeriodicThread::Loop() {
  while (true) {
    {
      MutexLock lock(mu_);
      if (!stopping_) wake_.WaitFor(mu_, period_);
      if (stopping_) return;
    }
    act_();
  }
}

}  // namespace metastep
