#include "server/state_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

TEST(StateLockTest, IsHeldUntilDestroyed) {
  const auto folder = NewTestFolder();
  {
    ASSERT_OK_AND_ASSIGN(const StateLock lock, StateLock::Take(folder));
    EXPECT_THAT(StateLock::Take(folder),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         testing::HasSubstr("another server uses")));
  }
  EXPECT_OK(StateLock::Take(folder));
}

}  // namespace
}  // namespace metastep
