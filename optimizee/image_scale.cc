#include "optimizee/image_scale.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace metastep {
namespace {

// A pixel as a weighted sum of consecutive pixels along one dimension.
struct Taps {
  int64_t begin;
  std::vector<float> weights;  // sum to 1
};

// Pixel i covers [i, i + 1) * ratio of the source, ratio >= 1.
Taps AreaTaps(int64_t i, double ratio, int64_t source) {
  const double low = static_cast<double>(i) * ratio;
  const double high =
      std::min(low + ratio, static_cast<double>(source));  // rounding
  Taps taps = {static_cast<int64_t>(low), {}};
  for (int64_t at = taps.begin; static_cast<double>(at) < high; ++at) {
    const double covered = std::min(high, static_cast<double>(at) + 1) -
                           std::max(low, static_cast<double>(at));
    taps.weights.push_back(static_cast<float>(covered / (high - low)));
  }
  return taps;
}

// Pixel i's centre lies between those of two pixels of the source, or beyond
// the outermost one's.
Taps LinearTaps(int64_t i, double ratio, int64_t source) {
  const double center = std::clamp((static_cast<double>(i) + .5) * ratio - .5,
                                   0., static_cast<double>(source - 1));
  const auto begin = static_cast<int64_t>(center);
  const auto part = static_cast<float>(center - static_cast<double>(begin));
  if (part == 0) return {begin, {1.f}};
  return {begin, {1 - part, part}};
}

std::vector<Taps> AllTaps(int64_t source, int64_t side) {
  const double ratio = static_cast<double>(source) / static_cast<double>(side);
  std::vector<Taps> all;
  for (int64_t i = 0; i < side; ++i) {
    all.push_back(ratio >= 1 ? AreaTaps(i, ratio, source)
                             : LinearTaps(i, ratio, source));
  }
  return all;
}

// A row of the square scaled along its length, [side, 3].
void ScaleRow(const uint8_t* row, const std::vector<Taps>& taps,
              std::vector<float>& scaled) {
  for (size_t x = 0; x < taps.size(); ++x) {
    for (int64_t c = 0; c < kColors; ++c) {
      float sum = 0;
      const uint8_t* pixel = row + taps[x].begin * kColors + c;
      for (const float weight : taps[x].weights) {
        sum += weight * static_cast<float>(*pixel);
        pixel += kColors;
      }
      scaled[x * kColors + static_cast<size_t>(c)] = sum / 255;
    }
  }
}

}  // namespace

std::vector<float> CropAndScale(const RgbImage& image, int64_t side) {
  const int64_t square = std::min(image.width, image.height);
  const int64_t left = (image.width - square) / 2;
  const int64_t top = (image.height - square) / 2;
  const std::vector<Taps> taps = AllTaps(square, side);
  std::vector<float> row(static_cast<size_t>(side * kColors));
  std::vector<float> scaled(static_cast<size_t>(kColors * side * side));
  for (int64_t y = 0; y < side; ++y) {
    int64_t source_y = top + taps[y].begin;
    for (const float weight : taps[y].weights) {
      ScaleRow(&image.pixels[(source_y++ * image.width + left) * kColors], taps,
               row);
      for (int64_t x = 0; x < side; ++x) {
        for (int64_t c = 0; c < kColors; ++c) {
          scaled[(c * side + y) * side + x] += weight * row[x * kColors + c];
        }
      }
    }
  }
  return scaled;
}

}  // namespace metastep
