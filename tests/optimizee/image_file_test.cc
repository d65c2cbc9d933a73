#include "optimizee/image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "base/file.h"
#include "tests/optimizee/image_writing.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

// Under a name that says nothing.
absl::StatusOr<RgbImage> Read(const std::string& bytes) {
  const auto path = NewTestFolder() / "picture";
  const absl::Status written = WriteFileAtomically(path, bytes);
  if (!written.ok()) return written;
  return ReadImageFile(path);
}

void ExpectRefused(const std::string& bytes, const std::string& why) {
  EXPECT_THAT(Read(bytes),
              StatusIs(StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("/picture: "), HasSubstr(why))));
}

const std::vector<uint8_t> kSix = {1,  2,  3,  40, 50, 60, 7,   8,   9,
                                   10, 11, 12, 13, 14, 15, 255, 254, 253};

TEST(ImageFileTest, ReadsAPngToTheByte) {
  ASSERT_OK_AND_ASSIGN(const RgbImage image, Read(RgbPngBytes(3, 2, kSix)));
  EXPECT_EQ(image.width, 3);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.pixels, kSix);
}

TEST(ImageFileTest, GreyBecomesColour) {
  ASSERT_OK_AND_ASSIGN(const RgbImage image,
                       Read(PngBytes(2, 1, PNG_FORMAT_GRAY, {7, 200})));
  EXPECT_THAT(image.pixels, ElementsAre(7, 7, 7, 200, 200, 200));
  ASSERT_OK_AND_ASSIGN(const RgbImage jpeg,
                       Read(JpegBytes(1, 1, TJPF_GRAY, TJSAMP_GRAY, {90})));
  EXPECT_THAT(jpeg.pixels, ElementsAre(90, 90, 90));
}

TEST(ImageFileTest, TransparencyBecomesWhite) {
  ASSERT_OK_AND_ASSIGN(
      const RgbImage image,
      Read(PngBytes(2, 1, PNG_FORMAT_RGBA, {9, 9, 9, 0, 9, 9, 9, 255})));
  EXPECT_THAT(image.pixels, ElementsAre(255, 255, 255, 9, 9, 9));
}

// The file keeps brightness and two colours, rounded: 1.8 of 255 at most come
// of three errors of a half (the greatest factor of the way back is 1.772).
TEST(ImageFileTest, ReadsAJpeg) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < 16 * 8; ++i) {
    pixels.insert(pixels.end(), {200, 100, 50});
  }
  ASSERT_OK_AND_ASSIGN(const RgbImage image,
                       Read(JpegBytes(16, 8, TJPF_RGB, TJSAMP_444, pixels)));
  EXPECT_EQ(image.width, 16);
  EXPECT_EQ(image.height, 8);
  ASSERT_EQ(image.pixels.size(), pixels.size());
  for (size_t i = 0; i < pixels.size(); ++i) {
    EXPECT_NEAR(image.pixels[i], pixels[i], 2) << i;
  }
}

std::string BigEndian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
          static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string PngChunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                         static_cast<uInt>(body.size()));
  return BigEndian(static_cast<uint32_t>(data.size())) + body +
         BigEndian(static_cast<uint32_t>(crc));
}

// A header that says 65,535 x 65,535 pixels of 8-bit colour, and no pixels.
TEST(ImageFileTest, ALargePngIsRefusedByItsHeader) {
  const std::string size = BigEndian(65535);
  ExpectRefused(
      "\x89PNG\r\n\x1a\n" +
          PngChunk("IHDR", size + size + std::string("\x08\x02\0\0\0", 5)) +
          PngChunk("IDAT", ""),
      "65535 x 65535 pixels; at most 33554432");
}

// Height and width stand 5 and 7 bytes after the marker 0xffc0.
TEST(ImageFileTest, ALargeJpegIsRefusedByItsHeader) {
  std::string bytes = JpegBytes(1, 1, TJPF_GRAY, TJSAMP_GRAY, {0});
  const size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bytes.replace(frame + 5, 4, "\x7f\xff\x7f\xff");
  ExpectRefused(bytes, "32767 x 32767 pixels; at most 33554432");
}

TEST(ImageFileTest, DamagedFilesAreRefused) {
  const std::string png = RgbPngBytes(3, 2, kSix);
  ExpectRefused(png.substr(0, png.size() - 20), "PNG: ");
  std::string flipped = png;
  flipped[png.find("IDAT") + 6] ^= 0x10;
  ExpectRefused(flipped, "PNG: ");
  // Noise, so that there is something to cut off.
  std::vector<uint8_t> noise(64 * 64);
  for (size_t i = 0; i < noise.size(); ++i) noise[i] = i * i * 97 >> 3;
  const std::string jpeg = JpegBytes(64, 64, TJPF_GRAY, TJSAMP_GRAY, noise);
  ExpectRefused(jpeg.substr(0, jpeg.size() / 2), "JPEG: ");
  ExpectRefused(jpeg.substr(0, 10), "the file is damaged");
}

TEST(ImageFileTest, WhatIsNoColourPictureIsRefused) {
  ExpectRefused("", "neither");
  ExpectRefused("GIF89a", "neither");
  // Printers' colours.
  ExpectRefused(JpegBytes(1, 1, TJPF_CMYK, TJSAMP_444, {1, 2, 3, 4}), "JPEG: ");
}

TEST(ImageFileTest, AMissingFileIsNamed) {
  EXPECT_THAT(ReadImageFile(NewTestFolder() / "nothing.png"),
              StatusIs(StatusCode::kNotFound, HasSubstr("nothing.png")));
}

}  // namespace
}  // namespace metastep
