#include "bench/rivals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

Contender Constant(const std::string& what, double rate) {
  return {what, "1/s", [rate] { return rate; }};
}

TEST(CompeteTest, AKeyIsOursOverTheFastestOfItsRivals) {
  std::ostringstream out;
  Report report("x", /*repetitions=*/5, out);
  const auto samples =
      Compete(Constant("ours", 12), {Constant("limit", 24)},
              {{"over_torch", {Constant("eager", 2), Constant("compiled", 4)}},
               {"over_nobody", {}},
               {"over_jax", {Constant("jax", 6)}}},
              /*repetitions=*/5, report);
  ASSERT_OK(samples);
  EXPECT_EQ(Ratio((*samples)[0], (*samples)[1]), 0.5);
  report.Finish();
  EXPECT_THAT(out.str(), EndsWith("\"over_torch\":3.0,\"over_jax\":2.0}\n"));
}

TEST(AddPythonTest, APeerThatIsNotInstalledIsNotedAndLeftOut) {
  std::ostringstream out;
  Report report("x", /*repetitions=*/5, out);
  Rivals rivals;
  EXPECT_OK(AddPython({.python = "/no/such/python"}, "peer.py", /*problem=*/{},
                      report, rivals));
  EXPECT_TRUE(rivals.contenders.empty());
  EXPECT_THAT(out.str(), HasSubstr("peer.py: not installed"));
}

}  // namespace
}  // namespace metastep
