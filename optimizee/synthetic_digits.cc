#include "optimizee/synthetic_digits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

constexpr int kSide = 28;  // pixels

struct Point {
  float x;
  float y;
};

// The digits as one draws them without lifting the pen: points "xy" of a grid
// from 0 to 8, y downwards.
constexpr absl::string_view kGlyphs[kImageClasses] = {
    "40 72 84 76 48 16 04 12 40",
    "22 50 58",
    "02 11 40 71 82 65 08 88",
    "01 40 71 73 34 75 86 68 28 07",
    "68 60 05 85",
    "80 10 13 53 85 77 48 07",
    "70 31 04 06 38 78 86 74 34 06",
    "00 80 38",
    "44 13 11 40 71 73 44 15 17 48 77 75 44",
    "82 54 14 02 11 50 82 84 58",
};
constexpr float kGridCenter = 4;

// How one image's pen strokes come onto the paper.
class Hand {
 public:
  explicit Hand(Rng& rng)
      : rng_(rng),
        scale_x_(Between(1.1f, 2.1f)),
        scale_y_(Between(1.8f, 2.7f)),
        slant_(Between(-.4f, .4f)),
        angle_(Between(-.25f, .25f)),
        center_x_(.5f * kSide + Between(-3, 3)),
        center_y_(.5f * kSide + Between(-3, 3)),
        half_width_(Between(.5f, 1.6f)) {}

  float half_width() const { return half_width_; }  // of a stroke, in pixels

  // From a glyph's grid to pixels, with some wobble.
  Point Place(Point point) {
    const float x = (point.x - kGridCenter + Between(-.5f, .5f)) * scale_x_;
    const float y = (point.y - kGridCenter + Between(-.5f, .5f)) * scale_y_;
    const float slanted = x - slant_ * y;
    return {center_x_ + slanted * std::cos(angle_) - y * std::sin(angle_),
            center_y_ + slanted * std::sin(angle_) + y * std::cos(angle_)};
  }

 private:
  float Between(float low, float high) {
    return low + (high - low) * rng_.Uniform();
  }

  Rng& rng_;
  float scale_x_;  // pixels in a unit of the grid
  float scale_y_;
  float slant_;
  float angle_;  // radians
  float center_x_;
  float center_y_;
  float half_width_;
};

float SquaredDistance(Point point, Point from, Point to) {
  const float dx = to.x - from.x;
  const float dy = to.y - from.y;
  const float length = std::max(dx * dx + dy * dy, 1e-6f);
  const float along = std::clamp(
      ((point.x - from.x) * dx + (point.y - from.y) * dy) / length, 0.f, 1.f);
  const float ex = from.x + along * dx - point.x;
  const float ey = from.y + along * dy - point.y;
  return ex * ex + ey * ey;
}

// Ink in [0, 1]: a stroke fades out within a pixel of its edge.
float Ink(Point pixel, const std::vector<Point>& path, float half_width) {
  float nearest = std::numeric_limits<float>::max();
  for (size_t i = 1; i < path.size(); ++i) {
    nearest = std::min(nearest, SquaredDistance(pixel, path[i - 1], path[i]));
  }
  return std::clamp(half_width + .5f - std::sqrt(nearest), 0.f, 1.f);
}

std::vector<Point> DrawPath(absl::string_view glyph, Hand& hand) {
  std::vector<Point> path;
  for (size_t i = 0; i < glyph.size(); i += 3) {
    path.push_back(hand.Place({static_cast<float>(glyph[i] - '0'),
                               static_cast<float>(glyph[i + 1] - '0')}));
  }
  return path;
}

// Draws a glyph into `pixels` [kSide, kSide].
void DrawGlyph(absl::string_view glyph, Rng& rng, absl::Span<uint8_t> pixels) {
  constexpr float kNoise = .1f;  // standard deviation, of full ink
  Hand hand(rng);
  const std::vector<Point> path = DrawPath(glyph, hand);
  for (int i = 0; i < kSide * kSide; ++i) {
    const int column = i % kSide;
    const int row = i / kSide;
    const Point pixel{static_cast<float>(column) + .5f,
                      static_cast<float>(row) + .5f};
    const float ink =
        Ink(pixel, path, hand.half_width()) + kNoise * rng.Normal();
    pixels[i] = static_cast<uint8_t>(255 * std::clamp(ink, 0.f, 1.f));
  }
}

}  // namespace

ImageDataset MakeSyntheticDigits(uint64_t seed, uint32_t split,
                                 int32_t images) {
  const auto count = static_cast<size_t>(images);
  ImageDataset dataset{.images = images,
                       .rows = kSide,
                       .columns = kSide,
                       .pixels = std::vector<uint8_t>(count * kSide * kSide),
                       .labels = std::vector<uint8_t>(count)};
  for (size_t i = 0; i < count; ++i) {
    Rng rng({.seed = seed,
             .stream = RngStream::kDataset,
             .lane = split,
             .unroll = i});
    const uint32_t digit = rng.Below(kImageClasses);
    dataset.labels[i] = static_cast<uint8_t>(digit);
    DrawGlyph(kGlyphs[digit], rng,
              absl::MakeSpan(dataset.pixels).subspan(i * kSide * kSide));
  }
  return dataset;
}

absl::Status WriteSyntheticDigits(const std::filesystem::path& folder,
                                  const SyntheticDigitsOptions& options) {
  METASTEP_RETURN_IF_ERROR(MakeFolder(folder));
  METASTEP_RETURN_IF_ERROR(WriteImageDataset(
      folder, kTrainingSplit,
      MakeSyntheticDigits(options.seed, /*split=*/0, options.training_images)));
  return WriteImageDataset(
      folder, kTestSplit,
      MakeSyntheticDigits(options.seed, /*split=*/1, options.test_images));
}

}  // namespace metastep
