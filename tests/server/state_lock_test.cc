#include "server/state_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

TEST(StateLockTest, IsHeldUntilDestroyed) {
  const auto dir = std::filesystem::path(testing::TempDir()) / RandomId();
  std::filesystem::create_directories(dir);
  {
    ASSERT_OK_AND_ASSIGN(const StateLock lock, StateLock::Take(dir));
    EXPECT_THAT(StateLock::Take(dir),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         testing::HasSubstr("another server uses")));
  }
  EXPECT_OK(StateLock::Take(dir));
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace metastep
