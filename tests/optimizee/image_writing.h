// Makes image files for tests.
#ifndef METASTEP_TESTS_OPTIMIZEE_IMAGE_WRITING_H_
#define METASTEP_TESTS_OPTIMIZEE_IMAGE_WRITING_H_

#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/string_view.h"

namespace metastep {

// `format` is one of libpng's PNG_FORMAT_..., of 8 bits a component.
inline std::string PngBytes(int width, int height, uint32_t format,
                            const std::vector<uint8_t>& pixels) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = width;
  png.height = height;
  png.format = format;
  EXPECT_EQ(pixels.size(), PNG_IMAGE_SIZE(png));
  png_alloc_size_t size = 0;
  png_image_write_get_memory_size(png, size, /*convert_to_8_bit=*/0,
                                  pixels.data(), /*row_stride=*/0,
                                  /*colormap=*/nullptr);
  std::string bytes(size, '\0');
  EXPECT_NE(png_image_write_to_memory(&png, bytes.data(), &size, 0,
                                      pixels.data(), 0, nullptr),
            0)
      << png.message;
  bytes.resize(size);
  return bytes;
}

// Of pixels [height, width, 3].
inline std::string RgbPngBytes(int width, int height,
                               const std::vector<uint8_t>& pixels) {
  return PngBytes(width, height, PNG_FORMAT_RGB, pixels);
}

// As good as JPEG can; `format` is one of TurboJPEG's TJPF_..., `sampling` of
// its TJSAMP_....
inline std::string JpegBytes(int width, int height, int format, int sampling,
                             const std::vector<uint8_t>& pixels) {
  const tjhandle encoder = tjInitCompress();
  const absl::Cleanup destroy = [encoder] { tjDestroy(encoder); };
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT: the library's
  EXPECT_EQ(tjCompress2(encoder, pixels.data(), width, /*pitch=*/0, height,
                        format, &bytes, &size, sampling, /*jpegQual=*/100,
                        /*flags=*/0),
            0)
      << tjGetErrorStr2(encoder);
  const absl::Cleanup free_bytes = [bytes] { tjFree(bytes); };
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace metastep

#endif  // METASTEP_TESTS_OPTIMIZEE_IMAGE_WRITING_H_
