#include "server/turn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rpc/error_reason.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

class TurnTest : public testing::Test {
 protected:
  // Notes "+x" when x starts, and "x?" when it is wanted.
  absl::Status Take(const std::string& name) {
    return turn_.Take({.start = [this, name] { log_ += "+" + name; },
                       .wanted = [this, name] { log_ += name + "?"; }});
  }

  Turn turn_;
  std::string log_;
};

TEST_F(TurnTest, StartsInOrderOneAtATime) {
  ASSERT_OK(Take("a"));
  EXPECT_EQ(log_, "+a");
  ASSERT_OK(Take("b"));
  ASSERT_OK(Take("c"));
  EXPECT_EQ(log_, "+aa?");  // once, whoever waits
  turn_.GiveBack();
  EXPECT_EQ(log_, "+aa?+bb?");  // c waits already
  turn_.GiveBack();
  turn_.GiveBack();
  EXPECT_EQ(log_, "+aa?+bb?+c");
  ASSERT_OK(Take("d"));
  EXPECT_EQ(log_, "+aa?+bb?+c+d");
}

TEST_F(TurnTest, RefusesWhenTooManyWait) {
  ASSERT_OK(Take("a"));
  for (size_t i = 0; i < Turn::kMaxWaiting; ++i) ASSERT_OK(Take("w"));
  const absl::Status refused = Take("x");
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetErrorInfo(refused)->reason(), kReasonSessionBusy);
  for (size_t i = 0; i <= Turn::kMaxWaiting; ++i) turn_.GiveBack();
  EXPECT_THAT(log_, testing::Not(testing::HasSubstr("x")));
  EXPECT_OK(Take("y"));
}

}  // namespace
}  // namespace metastep
