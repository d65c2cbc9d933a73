#include "base/periodic_thread.h"

#include <gtest/gtest.h>

#include <future>

namespace metastep {
namespace {

TEST(PeriodicThreadTest, CallsAgainAndAgain) {
  std::promise<void> third;
  int calls = 0;
  PeriodicThread thread(absl::Milliseconds(1), [&] {
    if (++calls == 3) third.set_value();
  });
  third.get_future().wait();
}

TEST(PeriodicThreadTest, LongPeriodDoesNotHoldUpTheDestructor) {
  PeriodicThread thread(absl::Hours(1), [] {});
}

}  // namespace
}  // namespace metastep
