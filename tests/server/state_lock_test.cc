#include "server/state_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/fixtures.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

TEST(StateLockTest, IsHeldUntilDestroyed) {
  const TestFolder folder;
  {
    ASSERT_OK_AND_ASSIGN(const StateLock lock, StateLock::Take(folder.path()));
    EXPECT_THAT(StateLock::Take(folder.path()),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         testing::HasSubstr("another server uses")));
  }
  EXPECT_OK(StateLock::Take(folder.path()));
}

}  // namespace
}  // namespace metastep
