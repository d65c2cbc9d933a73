#include "rpc/status_conversion.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/cord.h"
#include "metastep/v1/error.pb.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

constexpr char kUrl[] = "type.googleapis.com/some.Message";

class StatusConversionTest : public testing::TestWithParam<int> {
 protected:
  absl::StatusCode code() const {
    return static_cast<absl::StatusCode>(GetParam());
  }
};

TEST_P(StatusConversionTest, KeepsCodeMessageAndPayloads) {
  absl::Status status(code(), "step 9; expected 7");
  // A payload is bytes: a zero and a byte that is no UTF-8 among them.
  const std::string payload("\x0a\x00\xff", 3);
  status.SetPayload(kUrl, absl::Cord(payload));
  status.SetPayload("another", absl::Cord("second"));

  const absl::Status back = FromGrpcStatus(ToGrpcStatus(status));

  EXPECT_EQ(back, status);
  EXPECT_EQ(back.GetPayload(kUrl), absl::Cord(payload));
}

TEST_P(StatusConversionTest, SendsNoDetailsWithoutPayloads) {
  const grpc::Status status = ToGrpcStatus(absl::Status(code(), "message"));
  EXPECT_EQ(static_cast<int>(status.error_code()), GetParam());
  EXPECT_EQ(status.error_message(), "message");
  EXPECT_EQ(status.error_details(), "");
}

// CANCELLED = 1 to UNAUTHENTICATED = 16: all codes but OK.
INSTANTIATE_TEST_SUITE_P(AllErrors, StatusConversionTest,
                         testing::Range(1, 17));

TEST(StatusConversionTest, KeepsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_OK(FromGrpcStatus(grpc::Status::OK));
}

// Other languages' libraries read the details as a google.rpc.Status.
TEST(StatusConversionTest, DetailsRepeatCodeAndMessage) {
  absl::Status status = absl::NotFoundError("no such run");
  status.SetPayload(kUrl, absl::Cord("payload"));
  v1::RpcStatus details;
  ASSERT_TRUE(details.ParseFromString(ToGrpcStatus(status).error_details()));
  EXPECT_EQ(details.code(), 5);  // NOT_FOUND
  EXPECT_EQ(details.message(), "no such run");
  ASSERT_EQ(details.details_size(), 1);
  EXPECT_EQ(details.details(0).type_url(), kUrl);
}

TEST(StatusConversionTest, IgnoresDetailsThatAreNoStatus) {
  const grpc::Status status(grpc::StatusCode::ABORTED, "message", "\xff\xff");
  EXPECT_EQ(FromGrpcStatus(status), absl::AbortedError("message"));
}

}  // namespace
}  // namespace metastep
