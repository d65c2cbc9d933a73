#include "worker/lane_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class FakeState final : public LaneState {
 public:
  explicit FakeState(int64_t bytes) : bytes_(bytes) {}
  int64_t bytes() const override { return bytes_; }
  std::unique_ptr<LaneState> Clone() const override {
    return std::make_unique<FakeState>(bytes_);
  }

 private:
  const int64_t bytes_;
};

WarmLane LaneOf(int64_t bytes, int64_t unroll = 0, int32_t window = 0) {
  return {unroll, window, std::make_unique<FakeState>(bytes)};
}

std::vector<int32_t> HeldLanes(const LaneCache& cache) {
  std::vector<int32_t> lanes;
  const v1::HeldLanes held = cache.held();
  for (const v1::LaneHandle& handle : held.lanes()) {
    lanes.push_back(handle.lane());
  }
  return lanes;
}

TEST(LaneCacheTest, TakesAStateOut) {
  LaneCache cache(/*max_bytes=*/100);
  cache.Put("run", 3, LaneOf(10, /*unroll=*/5, /*window=*/2));

  const auto lane = cache.Take("run", 3);

  ASSERT_TRUE(lane.has_value());
  EXPECT_EQ(lane->unroll, 5);
  EXPECT_EQ(lane->window, 2);
  EXPECT_EQ(lane->state->bytes(), 10);
  EXPECT_FALSE(cache.Take("run", 3).has_value());
  EXPECT_THAT(cache.held().lanes(), IsEmpty());
  EXPECT_EQ(cache.held().bytes(), 0);
}

TEST(LaneCacheTest, TellsRunsAndLanesApart) {
  LaneCache cache(/*max_bytes=*/100);
  cache.Put("a", 1, LaneOf(10));
  EXPECT_FALSE(cache.Take("b", 1).has_value());
  EXPECT_FALSE(cache.Take("a", 2).has_value());
  EXPECT_TRUE(cache.Take("a", 1).has_value());
}

TEST(LaneCacheTest, NamesWhatItHolds) {
  LaneCache cache(/*max_bytes=*/100);
  cache.Put("a", 1, LaneOf(10));
  cache.Put("b", 2, LaneOf(20, /*unroll=*/5, /*window=*/3));

  const v1::HeldLanes held = cache.held();

  ASSERT_THAT(held.lanes(), SizeIs(2));
  EXPECT_EQ(held.lanes(0).run_id(), "b");
  EXPECT_EQ(held.lanes(0).lane(), 2);
  EXPECT_EQ(held.lanes(0).unroll(), 5);
  EXPECT_EQ(held.lanes(0).window(), 3);
  EXPECT_EQ(held.lanes(1).run_id(), "a");
  EXPECT_EQ(held.bytes(), 30);
}

TEST(LaneCacheTest, ForgetsTheLaneUsedLongestAgo) {
  LaneCache cache(/*max_bytes=*/100);
  for (int lane = 0; lane < 3; ++lane) cache.Put("run", lane, LaneOf(30));
  // Lane 0 is worked on and comes back: lane 1 is now the oldest.
  cache.Put("run", 0, *cache.Take("run", 0));
  cache.Put("run", 3, LaneOf(30));  // 4 * 30 > 100
  EXPECT_THAT(HeldLanes(cache), ElementsAre(3, 0, 2));
  EXPECT_EQ(cache.held().bytes(), 90);
}

TEST(LaneCacheTest, DropsAStateOverTheBound) {
  LaneCache cache(/*max_bytes=*/100);
  cache.Put("run", 0, LaneOf(30));
  cache.Put("run", 1, LaneOf(101));
  EXPECT_THAT(HeldLanes(cache), ElementsAre(0));
}

// Each LeaseShard names them all: 1024 handles are some 50 KB.
TEST(LaneCacheTest, BoundsTheNumberOfLanes) {
  LaneCache cache(/*max_bytes=*/1 << 20);
  for (int lane = 0; lane < 1025; ++lane) cache.Put("run", lane, LaneOf(1));
  EXPECT_THAT(cache.held().lanes(), SizeIs(1024));
  EXPECT_FALSE(cache.Take("run", 0).has_value());
}

}  // namespace
}  // namespace metastep
