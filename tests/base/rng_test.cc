#include "base/rng.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace metastep {
namespace {

using Block = std::array<uint32_t, 4>;

// Random123's known-answer file, "philox4x32 10".
TEST(PhiloxTest, MatchesPublishedVectors) {
  EXPECT_EQ(PhiloxBlock({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(PhiloxBlock({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                        {0xffffffff, 0xffffffff}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(PhiloxBlock({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                        {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RngTest, SameKeyRepeatsAndEachPartOfTheKeyMatters) {
  const RngKey key{.seed = 1,
                   .stream = RngStream::kTraining,
                   .lane = 2,
                   .unroll = 3,
                   .step = 4};
  const auto first = [](const RngKey& k) { return Rng(k).Bits(); };
  EXPECT_EQ(first(key), first(key));
  RngKey other = key;
  other.seed = 9;
  EXPECT_NE(first(other), first(key));
  other = key;
  other.stream = RngStream::kTest;
  EXPECT_NE(first(other), first(key));
  other = key;
  other.lane = 9;
  EXPECT_NE(first(other), first(key));
  other = key;
  other.unroll = 9;
  EXPECT_NE(first(other), first(key));
  other = key;
  other.step = 9;
  EXPECT_NE(first(other), first(key));
}

// The standard error of the mean of n draws is 1 / sqrt(n) = 0.0032, of the
// variance sqrt(2 / n) = 0.0045; five of each are allowed.
TEST(RngTest, NormalHasZeroMeanAndUnitVariance) {
  constexpr int kDraws = 100'000;
  Rng rng({.seed = 7});
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = rng.Normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 0.016);
  EXPECT_NEAR(squares / kDraws, 1, 0.023);
}

TEST(RngTest, TruncatedNormalStaysWithinTwo) {
  Rng rng({.seed = 7});
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_LE(std::abs(rng.TruncatedNormal()), 2);
  }
}

// Each of 3 values has 10,000 +- 5 * sqrt(30000 * 1/3 * 2/3) = 408 draws.
TEST(RngTest, BelowIsUniform) {
  Rng rng({.seed = 7});
  std::array<int, 3> count = {};
  for (int i = 0; i < 30'000; ++i) ++count[rng.Below(3)];
  EXPECT_THAT(count, testing::Each(testing::AllOf(testing::Gt(9'592),
                                                  testing::Lt(10'408))));
}

}  // namespace
}  // namespace metastep
