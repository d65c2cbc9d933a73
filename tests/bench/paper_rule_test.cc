#include "bench/paper_rule.h"

#include <gtest/gtest.h>

namespace metastep {
namespace {

TEST(PaperRuleTest, AStepIs4980MultiplyAddsACoordinate) {
  // Gates of the first layer (2 + 20) * 80, of the second (20 + 20) * 80, and
  // the output's 20.
  EXPECT_EQ(MultiplyAdds(PaperArchitecture()), 22 * 80 + 40 * 80 + 20);
  // Those, and a bias for each gate and for the output.
  EXPECT_EQ(PaperPhi().size(), 4980 + 80 + 80 + 1);
}

}  // namespace
}  // namespace metastep
