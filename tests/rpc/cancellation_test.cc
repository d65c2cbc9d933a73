#include "rpc/cancellation.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

TEST(CancellationTest, KeepsTheFirstReason) {
  Cancellation cancellation;
  EXPECT_OK(cancellation.status());
  cancellation.Cancel(absl::CancelledError("first"));
  cancellation.Cancel(absl::AbortedError("second"));
  EXPECT_THAT(cancellation.status(),
              StatusIs(absl::StatusCode::kCancelled, "first"));
}

TEST(CancellationTest, EndsASleepAtOnce) {
  Cancellation cancellation;
  EXPECT_TRUE(cancellation.Sleep(absl::ZeroDuration()));
  std::thread other([&] { cancellation.Cancel(absl::CancelledError("stop")); });
  EXPECT_FALSE(cancellation.Sleep(absl::Hours(1)));
  other.join();
  EXPECT_FALSE(cancellation.Sleep(absl::Hours(1)));
}

}  // namespace
}  // namespace metastep
