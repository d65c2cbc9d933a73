#include "optimizee/image_file.h"

#include <png.h>
#include <turbojpeg.h>

#include <memory>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

constexpr absl::string_view kPngSignature = "\x89PNG\r\n\x1a\n";
constexpr absl::string_view kJpegSignature = "\xff\xd8\xff";

// Makes room for a picture of the size that a header gives.
absl::StatusOr<RgbImage> MakeImage(int64_t width, int64_t height) {
  if (width < 1 || height < 1) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the picture has %d x %d pixels: the file is damaged", width, height));
  }
  if (height > kMaxImagePixels / width) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the picture has %d x %d pixels; at most %d are read: scale it down",
        width, height, kMaxImagePixels));
  }
  return RgbImage{
      width, height,
      std::vector<uint8_t>(static_cast<size_t>(width * height * 3))};
}

absl::StatusOr<RgbImage> DecodePng(absl::string_view bytes) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  const absl::Cleanup free_png = [&png] { png_image_free(&png); };
  const auto error = [&png] {
    return absl::InvalidArgumentError(absl::StrCat("PNG: ", png.message));
  };
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) {
    return error();
  }
  METASTEP_ASSIGN_OR_RETURN(RgbImage image, MakeImage(png.width, png.height));
  png.format = PNG_FORMAT_RGB;
  const png_color background = {255, 255, 255};
  if (png_image_finish_read(&png, &background, image.pixels.data(),
                            /*row_stride=*/0, /*colormap=*/nullptr) == 0) {
    return error();
  }
  return image;
}

absl::StatusOr<RgbImage> DecodeJpeg(absl::string_view bytes) {
  const tjhandle decoder = tjInitDecompress();
  if (decoder == nullptr) {
    return absl::InternalError(
        absl::StrCat("JPEG: no decoder: ", tjGetErrorStr2(nullptr)));
  }
  const absl::Cleanup destroy = [decoder] { tjDestroy(decoder); };
  const auto error = [decoder] {
    return absl::InvalidArgumentError(
        absl::StrCat("JPEG: ", tjGetErrorStr2(decoder)));
  };
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  int width = 0, height = 0, subsampling = 0, colors = 0;
  if (tjDecompressHeader3(decoder, data, bytes.size(), &width, &height,
                          &subsampling, &colors) != 0) {
    return error();
  }
  METASTEP_ASSIGN_OR_RETURN(RgbImage image, MakeImage(width, height));
  // Ends at the first thing that the library would warn of, a truncated file
  // above all, and at the hundreds of passes of a file made to keep a reader
  // busy.
  constexpr int kFlags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
  if (tjDecompress2(decoder, data, bytes.size(), image.pixels.data(), width,
                    /*pitch=*/0, height, TJPF_RGB, kFlags) != 0) {
    return error();
  }
  return image;
}

absl::StatusOr<RgbImage> Decode(absl::string_view bytes) {
  if (absl::StartsWith(bytes, kPngSignature)) return DecodePng(bytes);
  if (absl::StartsWith(bytes, kJpegSignature)) return DecodeJpeg(bytes);
  return absl::InvalidArgumentError(
      "expected a PNG or JPEG file, found neither");
}

}  // namespace

absl::StatusOr<RgbImage> ReadImageFile(const std::filesystem::path& path) {
  METASTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadFile(path, kMaxImageFileBytes));
  absl::StatusOr<RgbImage> image = Decode(bytes);
  if (image.ok()) return image;
  return absl::Status(
      image.status().code(),
      absl::StrCat(path.string(), ": ", image.status().message()));
}

}  // namespace metastep
