#include "base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/log_fields.h"

namespace metastep {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LoggingTest : public testing::Test {
 protected:
  ~LoggingTest() override { SetLogFormat(LogFormat::kText); }

  // What a warning inside a scope writes to standard error.
  static std::string Warn() {
    const LogFields fields{{"run", "mnist-1"}};
    testing::internal::CaptureStderr();
    LogWarning("shard %d failed", 7);
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(LoggingTest, TextIsForPeople) {
  EXPECT_THAT(Warn(),
              AllOf(EndsWith(" W shard 7 failed\n"), Not(HasSubstr("mnist"))));
}

TEST_F(LoggingTest, JsonCarriesTheThreadsFields) {
  SetLogFormat(LogFormat::kJson);
  EXPECT_THAT(Warn(), AllOf(StartsWith(R"({"time":"20)"),
                            EndsWith(R"(Z","severity":"WARNING",)"
                                     R"("message":"shard 7 failed",)"
                                     R"("run":"mnist-1"})"
                                     "\n")));
}

}  // namespace
}  // namespace metastep
