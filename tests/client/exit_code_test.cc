#include "client/exit_code.h"

#include <gtest/gtest.h>

namespace metastep {
namespace {

// The numbers are documented; scripts depend on them.
TEST(ExitCodeTest, IsWhatTheHelpSays) {
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeFor(absl::AbortedError("run failed")), 1);
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("spec")), 2);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("server")), 3);
  EXPECT_EQ(ExitCodeFor(absl::DeadlineExceededError("server")), 3);
  EXPECT_EQ(ExitCodeFor(absl::NotFoundError("run")), 4);
  EXPECT_EQ(ExitCodeFor(absl::ResourceExhaustedError("quota")), 5);
  EXPECT_EQ(ExitCodeFor(absl::InternalError("bug")), 5);
  EXPECT_EQ(ExitCodeFor(absl::OutOfRangeError("missed")), 6);
  EXPECT_EQ(ExitCodeFor(absl::CancelledError("interrupted")), 130);
}

}  // namespace
}  // namespace metastep
