// Neural art's task family, on LibTorch. No LibTorch header is needed to
// include this one.
#ifndef METASTEP_OPTIMIZEE_TORCH_ART_H_
#define METASTEP_OPTIMIZEE_TORCH_ART_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// Images in one style (Gatys et al. 2015; Andrychowicz et al., section 3.4).
// theta is one tensor "image" [3, size, size] of reds, greens and blues with 0
// black and 1 white, at first mid-grey with noise, N(0.5, 0.1^2). With F_l(x)
// the features of layer l, n_l their number of pixels and
// G_l = F_l F_l' / n_l their Gram matrix,
//   content   = |F(x) - F(content)|^2 / |F(content)|^2, of one layer
//   style     = |G_l(x) - G_l(style)|^2 / |G_l(style)|^2, the mean over several
//   variation = the mean square of neighbouring pixels' differences
// None grows with the size, and f is (size / 64)^2 times their weighted sum: a
// sum over the pixels, as Gatys et al. have it. So a pixel's gradient does not
// shrink as the image grows, and one optimizer serves all sizes. A task's
// content is drawn by its key: a procedural scene, or an image of the folder
// <data_dir>/<spec.content>, scaled to the size; for training keys from the
// first half of them, else from the second. The style is a procedural texture
// or the image <data_dir>/<spec.style>, scaled likewise. The features are those
// of random filters (FeatureNetwork::Random) or of the VGG in
// <data_dir>/<spec.features> (vgg.h), which say which layers are compared.
// REQUIRES: spec is resolved. Errors: those of ReadCifar, ReadImageFolder,
// ReadImageFile and ReadVgg; InvalidArgument: a single content; Internal:
// LibTorch fails.
absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeArtFamily(
    const v1::ArtSpec& spec, const std::filesystem::path& data_dir);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_ART_H_
