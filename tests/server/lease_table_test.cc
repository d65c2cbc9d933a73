#include "server/lease_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metastep {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1000);
constexpr absl::Duration kLease = absl::Seconds(10);

TEST(LeaseTableTest, ExpiresAtItsTimeAndNotBefore) {
  LeaseTable table("e", kLease);
  table.Grant("run", /*phase=*/0, /*shard=*/3, "w", kStart);
  EXPECT_THAT(table.TakeExpired(kStart + kLease - absl::Nanoseconds(1)),
              testing::IsEmpty());
  const auto expired = table.TakeExpired(kStart + kLease);
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].shard, 3);
  EXPECT_EQ(table.live(), 0);
}

TEST(LeaseTableTest, RenewingMovesTheExpiry) {
  LeaseTable table("e", kLease);
  const std::string id = table.Grant("run", 0, 0, "w", kStart).lease_id;
  EXPECT_TRUE(table.Renew(id, "w", kStart + absl::Seconds(9)));
  EXPECT_THAT(table.TakeExpired(kStart + absl::Seconds(18)),
              testing::IsEmpty());
  EXPECT_EQ(table.TakeExpired(kStart + absl::Seconds(19)).size(), 1u);
}

TEST(LeaseTableTest, OnlyTheHolderRenews) {
  LeaseTable table("e", kLease);
  const std::string id = table.Grant("run", 0, 0, "w", kStart).lease_id;
  EXPECT_FALSE(table.Renew(id, "another", kStart));
  EXPECT_FALSE(table.Renew("e-99", "w", kStart));
}

TEST(LeaseTableTest, SettledLeasesAreKnownUntilForgotten) {
  LeaseTable table("e", kLease);
  const std::string id =
      table.Grant("run", /*phase=*/4, 0, "w", kStart).lease_id;
  table.Settle(id);
  EXPECT_EQ(table.Find(id), nullptr);
  table.ForgetSettledBefore("run", 4);
  EXPECT_TRUE(table.WasSettled(id));
  table.ForgetSettledBefore("another run", 5);
  EXPECT_TRUE(table.WasSettled(id));
  table.ForgetSettledBefore("run", 5);
  EXPECT_FALSE(table.WasSettled(id));
}

TEST(LeaseTableTest, IdsCarryTheEpoch) {
  LeaseTable before("before", kLease);
  LeaseTable after("after", kLease);
  EXPECT_NE(before.Grant("run", 0, 0, "w", kStart).lease_id,
            after.Grant("run", 0, 0, "w", kStart).lease_id);
}

}  // namespace
}  // namespace metastep
