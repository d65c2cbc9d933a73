#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>

namespace metastep {
namespace {

TEST(ThreadPoolTest, DestructorRunsWhatIsQueued) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(2);
    for (int i = 0; i < 100; ++i) pool.Schedule([&] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

TEST(ThreadPoolTest, JobsRunSideBySide) {
  Mutex mu;
  CondVar met;
  int here = 0;
  // Each job waits for the other: with one thread this would never end.
  const auto meet = [&] {
    MutexLock lock(mu);
    ++here;
    met.NotifyAll();
    while (here < 2) met.Wait(mu);
  };
  ThreadPool pool(2);  // last, so that its jobs end before what they use
  pool.Schedule(meet);
  pool.Schedule(meet);
}

}  // namespace
}  // namespace metastep
