#include "rpc/float_bytes.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>

namespace metastep {
namespace {

// IEEE 754: 1 is 0x3f800000 and -2.5 = -1.25 * 2^1 is 0xc0200000.
TEST(FloatBytesTest, IsLittleEndian) {
  const std::vector<float> floats = {1, -2.5f};
  const std::string bytes("\x00\x00\x80\x3f\x00\x00\x20\xc0", 8);
  EXPECT_EQ(FloatsToBytes(floats), bytes);
  EXPECT_EQ(FloatsFromBytes(bytes), floats);
}

TEST(FloatBytesTest, KeepsEveryBit) {
  // Minus zero, the least subnormal, infinity, and a NaN with a payload.
  for (const uint32_t bits : {0x80000000u, 1u, 0x7f800000u, 0x7fc12345u}) {
    const float value = std::bit_cast<float>(bits);
    const std::vector<float> back = FloatsFromBytes(FloatsToBytes({value}));
    ASSERT_EQ(back.size(), 1);
    EXPECT_EQ(std::bit_cast<uint32_t>(back[0]), bits);
  }
}

TEST(FloatBytesTest, TakesWholeFloatsOnly) {
  EXPECT_TRUE(FloatsFromBytes("").empty());
  EXPECT_EQ(FloatsFromBytes(std::string(7, '\0')), std::vector<float>{0});
}

}  // namespace
}  // namespace metastep
