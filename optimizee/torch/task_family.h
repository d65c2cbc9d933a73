// From task specs to task families, those on LibTorch included. No LibTorch
// header is needed to include this one.
#ifndef METASTEP_OPTIMIZEE_TORCH_TASK_FAMILY_H_
#define METASTEP_OPTIMIZEE_TORCH_TASK_FAMILY_H_

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "metastep/v1/spec.pb.h"
#include "optimizee/task.h"

namespace metastep {

// Makes the family of a resolved spec; data sets are read under `data_dir`.
// Errors: NotFound or InvalidArgument, with path, expected and found, where a
// data file is missing, truncated or not what it should be; Unavailable, if it
// cannot be read.
absl::StatusOr<std::unique_ptr<const TaskFamily>> MakeTaskFamily(
    const v1::TaskSpec& spec, const std::filesystem::path& data_dir);

}  // namespace metastep

#endif  // METASTEP_OPTIMIZEE_TORCH_TASK_FAMILY_H_
