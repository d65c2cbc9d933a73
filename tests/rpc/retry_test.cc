#include "rpc/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

// A sleep that only takes notes, and ends the retries after so many.
class FakeSleep {
 public:
  explicit FakeSleep(size_t pauses) : pauses_(pauses) {}
  bool operator()(absl::Duration pause) {
    taken.push_back(pause);
    return taken.size() < pauses_;
  }
  std::vector<absl::Duration> taken;

 private:
  const size_t pauses_;
};

// Fails with UNAVAILABLE so many times.
class FlakyCall {
 public:
  FlakyCall(int failures, absl::Status then)
      : failures_(failures), then_(std::move(then)) {}
  absl::Status operator()() {
    ++calls;
    return calls <= failures_ ? absl::UnavailableError("refused") : then_;
  }
  int calls = 0;

 private:
  const int failures_;
  const absl::Status then_;
};

TEST(RetryTest, RetriesUntilTheCallSucceeds) {
  FakeSleep sleep(100);
  FlakyCall call(/*failures=*/3, absl::OkStatus());
  EXPECT_OK(RetryUnavailable({}, std::ref(sleep), std::ref(call)));
  EXPECT_EQ(call.calls, 4);
  EXPECT_EQ(sleep.taken.size(), 3);
}

// The wait would be up to an hour.
TEST(RetryTest, NoWaitLeadsPastTheTimeToGiveUp) {
  const RetryOptions options{.initial_backoff = absl::Hours(1),
                             .max_backoff = absl::Hours(1),
                             .give_up_after = absl::Seconds(1)};
  FakeSleep sleep(20);
  FlakyCall call(/*failures=*/100, absl::OkStatus());
  EXPECT_THAT(RetryUnavailable(options, std::ref(sleep), std::ref(call)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("refused")));
  EXPECT_THAT(sleep.taken, testing::Each(testing::Le(absl::Seconds(1))));
}

TEST(RetryTest, ReturnsOtherErrorsAtOnce) {
  FakeSleep sleep(100);
  FlakyCall call(/*failures=*/1, absl::NotFoundError("no such run"));
  EXPECT_EQ(RetryUnavailable({}, std::ref(sleep), std::ref(call)),
            absl::NotFoundError("no such run"));
  EXPECT_EQ(call.calls, 2);
}

TEST(RetryTest, PausesWithinABoundThatDoubles) {
  const RetryOptions options{.initial_backoff = absl::Milliseconds(100),
                             .max_backoff = absl::Milliseconds(500)};
  // Of 200 runs, so that a bound that is too wide would be seen: a pause
  // uniform over twice its bound stays within it with probability 2^-200.
  const std::vector<int> bounds_ms = {100, 200, 400, 500, 500};
  std::vector<absl::Duration> longest(bounds_ms.size());
  for (int run = 0; run < 200; ++run) {
    FakeSleep sleep(bounds_ms.size());
    FlakyCall call(/*failures=*/100, absl::OkStatus());
    EXPECT_THAT(RetryUnavailable(options, std::ref(sleep), std::ref(call)),
                StatusIs(absl::StatusCode::kUnavailable, HasSubstr("refused")));
    ASSERT_EQ(sleep.taken.size(), bounds_ms.size());
    for (size_t i = 0; i < bounds_ms.size(); ++i) {
      EXPECT_GE(sleep.taken[i], absl::ZeroDuration());
      EXPECT_LE(sleep.taken[i], absl::Milliseconds(bounds_ms[i]));
      longest[i] = std::max(longest[i], sleep.taken[i]);
    }
  }
  // Nor is it too narrow: all 200 in the lower half has probability 2^-200.
  for (size_t i = 0; i < bounds_ms.size(); ++i) {
    EXPECT_GT(longest[i], absl::Milliseconds(bounds_ms[i]) / 2);
  }
}

TEST(RetryTest, StopsWhenTheSleepIsCutShort) {
  FakeSleep sleep(1);
  FlakyCall call(/*failures=*/100, absl::OkStatus());
  EXPECT_THAT(RetryUnavailable({}, std::ref(sleep), std::ref(call)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("refused")));
  EXPECT_EQ(call.calls, 1);
}

TEST(RetryTest, GivesUpAfterItsTime) {
  FakeSleep sleep(100);
  FlakyCall call(/*failures=*/100, absl::OkStatus());
  EXPECT_THAT(RetryUnavailable({.give_up_after = absl::ZeroDuration()},
                               std::ref(sleep), std::ref(call)),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("refused; gave up after")));
  EXPECT_EQ(call.calls, 1);
  EXPECT_TRUE(sleep.taken.empty());
}

}  // namespace
}  // namespace metastep
