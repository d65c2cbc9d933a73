// Colour pictures in PNG and JPEG files.
#ifndef METASTEP_OPTIMIZEE_IMAGE_FILE_H_
#define METASTEP_OPTIMIZEE_IMAGE_FILE_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "absl/status/statusor.h"

namespace metastep {

// Of a file, and of the picture in it: 100 MB of memory, enough for a camera's.
inline constexpr int64_t kMaxImageFileBytes = 64 << 20;
inline constexpr int64_t kMaxImagePixels = 1 << 25;

inline constexpr int64_t kColors = 3;

struct RgbImage {
  int64_t width = 0;            // at least 1
  int64_t height = 0;           // at least 1
  std::vector<uint8_t> pixels;  // [height, width, kColors], sRGB
};

// Reads a picture; what its first bytes say it is counts, not its name. Grey
// becomes colour, transparency white, 16 bits 8; a note that a JPEG is to be
// turned is not heeded. Errors, each with the path: NotFound; InvalidArgument:
// the file or, by its header, the picture is too large, it is neither PNG nor
// JPEG, damaged, truncated, or of colours that are not red, green and blue;
// Unavailable: it cannot be read.
absl::StatusOr<RgbImage> ReadImageFile(const std::filesystem::path& path);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_IMAGE_FILE_H_
