#include "base/fair_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace metastep {
namespace {

// Runs jobs on this thread, and notes whose they were.
class FairPoolOrderTest : public testing::Test {
 protected:
  void Schedule(const char& owner, int jobs) {
    for (int i = 0; i < jobs; ++i) {
      pool_.Schedule(&owner, [this, &owner] { order_ += owner; });
    }
  }
  void Run(int jobs) {
    for (int i = 0; i < jobs; ++i) EXPECT_TRUE(pool_.RunOne());
  }

  const char big_ = 'B', small_ = 's', other_ = 'o';
  FairPool pool_{0};
  std::string order_;
};

TEST_F(FairPoolOrderTest, AnOwnerWithManyJobsDelaysAnotherByOne) {
  Schedule(big_, 5);
  Schedule(small_, 1);
  Schedule(other_, 2);
  Run(8);
  EXPECT_EQ(order_, "BsoBoBBB");
  EXPECT_FALSE(pool_.RunOne());
}

TEST_F(FairPoolOrderTest, WhoComesAgainWaitsForTheOthersOnce) {
  Schedule(big_, 4);
  Run(1);
  for (int step = 0; step < 2; ++step) {
    Schedule(small_, 1);
    Run(2);
  }
  Run(1);
  EXPECT_EQ(order_, "BBsBsB");
}

TEST(FairPoolTest, JobsOfOneOwnerRunSideBySide) {
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
  FairPool pool(2);  // last, so that its jobs end before what they use
  pool.Schedule(&here, meet);
  pool.Schedule(&here, meet);
}

TEST(FairPoolTest, DestructorRunsWhatIsQueued) {
  std::atomic<int> ran = 0;
  const char owners[] = {'a', 'b', 'c'};
  for (const int threads : {0, 2}) {
    FairPool pool(threads);
    for (int i = 0; i < 50; ++i) {
      pool.Schedule(&owners[i % 3], [&] { ++ran; });
    }
  }
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace metastep
