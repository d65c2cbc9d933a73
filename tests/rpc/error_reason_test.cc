#include "rpc/error_reason.h"

#include <gtest/gtest.h>

#include "absl/strings/cord.h"
#include "rpc/status_conversion.h"

namespace metastep {
namespace {

TEST(ErrorReasonTest, TravelsWithTheStatus) {
  const absl::Status status =
      WithReason(absl::FailedPreconditionError("step 9; expected 7"),
                 kReasonStepGap, {{"expected_step", "7"}});

  const auto info = GetErrorInfo(FromGrpcStatus(ToGrpcStatus(status)));

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "STEP_GAP");
  EXPECT_EQ(info->domain(), "metastep");
  ASSERT_EQ(info->metadata_size(), 1);
  EXPECT_EQ(info->metadata().at("expected_step"), "7");
}

TEST(ErrorReasonTest, LeavesCodeAndMessage) {
  const absl::Status status =
      WithReason(absl::NotFoundError("no session"), kReasonSessionUnknown);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(status.message(), "no session");
}

TEST(ErrorReasonTest, IsAbsentWithoutPayload) {
  EXPECT_FALSE(GetErrorInfo(absl::NotFoundError("no session")).has_value());
  EXPECT_FALSE(GetErrorInfo(absl::OkStatus()).has_value());
}

TEST(ErrorReasonTest, IsAbsentWhenThePayloadIsMalformed) {
  absl::Status status = absl::NotFoundError("no session");
  status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo",
                    absl::Cord("\xff\xff"));
  EXPECT_FALSE(GetErrorInfo(status).has_value());
}

}  // namespace
}  // namespace metastep
