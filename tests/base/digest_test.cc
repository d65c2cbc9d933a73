#include "base/digest.h"

#include <gtest/gtest.h>

namespace metastep {
namespace {

// FIPS 180-2, appendix B.1.
TEST(DigestTest, Sha256MatchesTheStandardsExample) {
  EXPECT_EQ(Sha256Hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(DigestTest, RandomIdsDiffer) {
  const std::string id = RandomId();
  EXPECT_EQ(id.size(), 32u);
  EXPECT_NE(id, RandomId());
}

}  // namespace
}  // namespace metastep
