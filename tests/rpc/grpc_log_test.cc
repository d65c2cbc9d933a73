#include "rpc/grpc_log.h"

#include <gmock/gmock.h>
#include <grpc/support/log.h>
#include <gtest/gtest.h>

namespace metastep {
namespace {

TEST(GrpcLogTest, GoesWhereOurLinesGo) {
  RouteGrpcLog();
  gpr_log_verbosity_init();  // as gRPC does with its first call
  testing::internal::CaptureStderr();
  gpr_log(GPR_ERROR, "no address for %s", "nowhere");
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::EndsWith(" E gRPC: no address for nowhere\n"));
}

}  // namespace
}  // namespace metastep
