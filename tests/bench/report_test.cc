#include "bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace metastep {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ReportTest, EndsWithOneLineOfJsonThatHoldsTheKeysInOrder) {
  std::ostringstream out;
  Report report("step-kernel", /*repetitions=*/5, out);
  report.SetKey("over_torch_16k", 5.25);
  report.SetKey("mac_fraction_16k", 0.55555555);
  report.Finish();
  EXPECT_THAT(out.str(),
              EndsWith("\nRESULT {\"bench\":\"step-kernel\",\"repetitions\":5,"
                       "\"over_torch_16k\":5.25,"
                       "\"mac_fraction_16k\":0.5556}\n"));
}

TEST(ReportTest, ARowHasMedianAndSpread) {
  std::ostringstream out;
  Report report("x", /*repetitions=*/5, out);
  // Median 2; quartiles 1.5 and 2.5, which are 50 % of it apart.
  report.Add({{"kernel", "1e6/s", {1, 2, 3}}});
  EXPECT_THAT(out.str(), StartsWith("what "));
  EXPECT_THAT(out.str(), HasSubstr("\nkernel "));
  EXPECT_THAT(out.str(), HasSubstr(" 1e6/s "));
  EXPECT_THAT(out.str(), EndsWith("   2    50.0%\n"));
}

}  // namespace
}  // namespace metastep
