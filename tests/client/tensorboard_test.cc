#include "client/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "client/tensorboard_event.pb.h"

namespace metastep {
namespace {

using tensorboard::Event;

template <typename Integer>
Integer LittleEndian(const std::string& bytes, size_t at) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value |= static_cast<Integer>(static_cast<uint8_t>(bytes.at(at + i)))
             << (8 * i);
  }
  return value;
}

// CRC-32C bit by bit, from its polynomial (RFC 3720, appendix B.4).
uint32_t Crc32c(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
  }
  return ~crc;
}

uint32_t Unmasked(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return rotated >> 17 | rotated << 15;
}

// The events of a file, whose framing is checked.
std::vector<Event> Read(const std::string& file) {
  std::vector<Event> events;
  for (size_t at = 0; at < file.size();) {
    const auto size = LittleEndian<uint64_t>(file, at);
    const std::string data = file.substr(at + 12, size);
    EXPECT_EQ(Unmasked(LittleEndian<uint32_t>(file, at + 8)),
              Crc32c(file.substr(at, 8)));
    EXPECT_EQ(Unmasked(LittleEndian<uint32_t>(file, at + 12 + size)),
              Crc32c(data));
    EXPECT_TRUE(events.emplace_back().ParseFromString(data));
    at += 16 + size;
  }
  return events;
}

TEST(TensorBoardTest, TheChecksumOfThisTestIsTheStandards) {
  // RFC 3720, appendix B.4: 32 bytes of zeros.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
}

TEST(TensorBoardTest, AFileWithoutRoundsHasItsVersion) {
  const auto events = Read(EventFile({}));
  ASSERT_EQ(events.size(), 1);
  EXPECT_EQ(events[0].file_version(), "brain.Event:2");
}

TEST(TensorBoardTest, RoundsBecomeScalars) {
  std::vector<v1::Round> rounds(2);
  rounds[0].set_outer_loss(2.5);
  rounds[0].set_gradient_norm(30);
  rounds[0].mutable_closed()->set_seconds(1000);
  rounds[0].mutable_closed()->set_nanos(500'000'000);
  rounds[1].set_phi_version(1);
  rounds[1].mutable_validation()->set_final_loss(0.25);
  rounds[1].mutable_validation()->set_sum_of_losses(50);

  const auto events = Read(EventFile(rounds));
  ASSERT_EQ(events.size(), 3);
  EXPECT_EQ(events[1].step(), 1);
  EXPECT_EQ(events[1].wall_time(), 1000.5);
  ASSERT_EQ(events[1].summary().value_size(), 2);
  EXPECT_EQ(events[1].summary().value(0).tag(), "train/outer_loss");
  EXPECT_EQ(events[1].summary().value(0).simple_value(), 2.5f);
  EXPECT_EQ(events[1].summary().value(1).simple_value(), 30);
  EXPECT_EQ(events[2].step(), 2);
  ASSERT_EQ(events[2].summary().value_size(), 4);
  EXPECT_EQ(events[2].summary().value(2).tag(), "validation/final_loss");
  EXPECT_EQ(events[2].summary().value(2).simple_value(), 0.25f);
  EXPECT_EQ(events[2].summary().value(3).simple_value(), 50);
}

}  // namespace
}  // namespace metastep
