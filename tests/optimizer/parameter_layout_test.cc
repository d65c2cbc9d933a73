#include "optimizer/parameter_layout.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::HasSubstr;

auto IsInvalid(const std::string& message) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message));
}

TEST(ParameterLayoutTest, LaysTensorsOutOneAfterAnother) {
  ASSERT_OK_AND_ASSIGN(
      const ParameterLayout layout,
      ParameterLayout::Create({{"w", {3, 4}}, {"scale", {}}, {"b", {5}}}));
  EXPECT_EQ(layout.coordinates(), 12 + 1 + 5);
  EXPECT_EQ(layout.begin(0), 0);
  EXPECT_EQ(layout.begin(1), 12);
  EXPECT_EQ(layout.begin(2), 13);
  EXPECT_EQ(layout.begin(3), 18);
}

TEST(ParameterLayoutTest, FindsThePlaceOfACoordinate) {
  ASSERT_OK_AND_ASSIGN(
      const ParameterLayout layout,
      ParameterLayout::Create({{"w", {3, 4}}, {"scale", {}}, {"b", {5}}}));
  const auto expect_place = [&](int64_t coordinate, const std::string& tensor,
                                int64_t offset) {
    EXPECT_EQ(layout.Place(coordinate).tensor, tensor) << coordinate;
    EXPECT_EQ(layout.Place(coordinate).offset, offset) << coordinate;
  };
  expect_place(0, "w", 0);
  expect_place(11, "w", 11);
  expect_place(12, "scale", 0);
  expect_place(13, "b", 0);
  expect_place(17, "b", 4);
}

TEST(ParameterLayoutTest, RefusesBadNames) {
  EXPECT_THAT(ParameterLayout::Create({}), IsInvalid("no tensors"));
  EXPECT_THAT(ParameterLayout::Create({{"w", {1}}, {"", {1}}}),
              IsInvalid("tensor 1 has a name of 0 characters"));
  EXPECT_THAT(ParameterLayout::Create({{std::string(257, 'x'), {1}}}),
              IsInvalid("257 characters; it must have 1 to 256"));
  EXPECT_THAT(ParameterLayout::Create({{"w", {1}}, {"w", {2}}}),
              IsInvalid("two tensors are named \"w\""));
}

TEST(ParameterLayoutTest, RefusesBadShapes) {
  EXPECT_THAT(ParameterLayout::Create({{"w", {3, 0}}}),
              IsInvalid("tensor \"w\" has a dimension of 0"));
  EXPECT_THAT(ParameterLayout::Create({{"w", {3, -2}}}),
              IsInvalid("tensor \"w\" has a dimension of -2"));
  EXPECT_THAT(ParameterLayout::Create({{"w", std::vector<int64_t>(9, 1)}}),
              IsInvalid("9 dimensions; the limit is 8"));
}

// 2^62 coordinates fit; one more, or a product beyond 64 bits, does not.
TEST(ParameterLayoutTest, BoundsTheCoordinates) {
  constexpr int64_t k31 = int64_t{1} << 31;
  ASSERT_OK_AND_ASSIGN(const ParameterLayout layout,
                       ParameterLayout::Create({{"w", {k31, k31}}}));
  EXPECT_EQ(layout.coordinates(), int64_t{1} << 62);
  EXPECT_THAT(ParameterLayout::Create({{"w", {k31, k31}}, {"b", {1}}}),
              IsInvalid("tensor \"b\" brings the coordinates above 2^62"));
  EXPECT_THAT(ParameterLayout::Create({{"w", {k31, k31}}, {"b", {}}}),
              IsInvalid("tensor \"b\" brings the coordinates above 2^62"));
  EXPECT_THAT(ParameterLayout::Create({{"w", {k31, k31, k31, k31}}}),
              IsInvalid("tensor \"w\" brings the coordinates above 2^62"));
}

}  // namespace
}  // namespace metastep
