#include "rpc/shutdown_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace metastep {
namespace {

// Each case runs in a process of its own.
class ShutdownSignalTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_P(ShutdownSignalTest, TheFirstIsWaitedFor) {
  EXPECT_EXIT(
      {
        BlockShutdownSignals();
        kill(getpid(), GetParam());
        WaitForShutdownSignal();
        _exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST_P(ShutdownSignalTest, AThreadThatWasThereBeforePassesItOn) {
  EXPECT_EXIT(
      {
        std::thread before([] {
          while (true) pause();
        });
        BlockShutdownSignals();
        pthread_kill(before.native_handle(), GetParam());
        WaitForShutdownSignal();
        _exit(7);
      },
      testing::ExitedWithCode(7), "");
}

TEST_P(ShutdownSignalTest, TheSecondEndsTheProcess) {
  EXPECT_EXIT(
      {
        BlockShutdownSignals();
        kill(getpid(), SIGTERM);
        WaitForShutdownSignal();
        kill(getpid(), GetParam());
        while (true) pause();
      },
      testing::ExitedWithCode(1), "");
}

INSTANTIATE_TEST_SUITE_P(BothSignals, ShutdownSignalTest,
                         testing::Values(SIGTERM, SIGINT));

}  // namespace
}  // namespace metastep
