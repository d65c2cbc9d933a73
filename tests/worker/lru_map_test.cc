#include "worker/lru_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pointee;

using Map = LruMap<std::string, int>;

std::vector<std::string> Keys(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map.entries()) keys.push_back(entry.key);
  return keys;
}

TEST(LruMapTest, FindsAndTakes) {
  Map map(/*max_entries=*/10, /*max_weight=*/100);
  map.Put("a", 1, /*weight=*/3);
  EXPECT_THAT(map.Find("a"), Pointee(1));
  EXPECT_EQ(map.Find("b"), nullptr);
  EXPECT_EQ(map.weight(), 3);
  EXPECT_EQ(map.Take("a"), 1);
  EXPECT_EQ(map.Take("a"), std::nullopt);
  EXPECT_EQ(map.weight(), 0);
}

TEST(LruMapTest, DropsWhatWasUsedLongestAgoToKeepItsWeight) {
  Map map(/*max_entries=*/10, /*max_weight=*/100);
  map.Put("a", 1, 40);
  map.Put("b", 2, 40);
  map.Find("a");
  map.Put("c", 3, 50);  // 40 + 40 + 50 > 100: b goes, 40 + 50 <= 100
  EXPECT_THAT(Keys(map), ElementsAre("c", "a"));
  EXPECT_EQ(map.weight(), 90);
  map.Put("d", 4, 100);  // fills the bound alone
  EXPECT_THAT(Keys(map), ElementsAre("d"));
}

TEST(LruMapTest, DropsWhatWasUsedLongestAgoToKeepItsNumber) {
  Map map(/*max_entries=*/2, /*max_weight=*/100);
  map.Put("a", 1, 0);
  map.Put("b", 2, 0);
  map.Put("c", 3, 0);
  EXPECT_THAT(Keys(map), ElementsAre("c", "b"));
}

TEST(LruMapTest, DoesNotKeepWhatIsTooHeavyByItself) {
  Map map(/*max_entries=*/10, /*max_weight=*/100);
  map.Put("a", 1, 60);
  map.Put("b", 2, 101);
  EXPECT_THAT(Keys(map), ElementsAre("a"));
  map.Put("a", 3, 101);  // replaces the old value, which is then stale
  EXPECT_THAT(Keys(map), IsEmpty());
}

TEST(LruMapTest, ReplacesAValueAndItsWeight) {
  Map map(/*max_entries=*/10, /*max_weight=*/100);
  map.Put("a", 1, 60);
  map.Put("a", 2, 70);
  EXPECT_THAT(map.Find("a"), Pointee(2));
  EXPECT_EQ(map.weight(), 70);
}

TEST(LruMapTest, HoldsMoveOnlyValues) {
  LruMap<int, std::unique_ptr<int>> map(/*max_entries=*/1, /*max_weight=*/1);
  map.Put(1, std::make_unique<int>(7), 1);
  const auto taken = map.Take(1);
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(**taken, 7);
}

}  // namespace
}  // namespace metastep
