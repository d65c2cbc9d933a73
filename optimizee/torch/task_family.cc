#include "optimizee/torch/task_family.h"

#include "optimizee/closed_form.h"
#include "optimizee/torch/art.h"
#include "optimizee/torch/convnet.h"
#include "optimizee/torch/mlp.h"

namespace metastep {

absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeTaskFamily(
    const v1::TaskSpec& spec, const std::filesystem::path& data_dir) {
  if (auto family = MakeClosedFormFamily(spec)) return family;
  if (spec.has_mlp()) return MakeMlpFamily(spec.mlp(), data_dir);
  if (spec.has_convnet()) return MakeConvNetFamily(spec.convnet(), data_dir);
  if (spec.has_art()) return MakeArtFamily(spec.art(), data_dir);
  return absl::InvalidArgumentError(
      "task: expected square, quadratic, mlp, convnet or art, found none of "
      "them");
}

}  // namespace metastep
