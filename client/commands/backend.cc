#include "client/commands/backend.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/executable_folder.h"
#include "client/user_file.h"
#include "optimizer/model_file.h"

namespace metastep {

absl::StatusOr<Backend> StartBackend(const ClusterFlags& flags,
                                     Cancellation& cancellation) {
  Backend backend;
  METASTEP_ASSIGN_OR_RETURN(backend.state, StateFolder::Open(flags.state_dir));
  METASTEP_ASSIGN_OR_RETURN(
      backend.cluster,
      LocalCluster::Start({ExecutableFolder(), backend.state->path(),
                           flags.data_dir, flags.workers},
                          cancellation));
  backend.address = backend.cluster->address();
  return backend;
}

absl::StatusOr<v1::ModelInfo> ImportModelFile(const std::string& path,
                                              ModelClient& models) {
  METASTEP_ASSIGN_OR_RETURN(const std::string bytes,
                            ReadUserFile(path, kMaxModelBytes));
  const absl::StatusOr<Model> model = DecodeModel(bytes);
  if (!model.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", model.status().message()));
  }
  const std::string& name = model->info.name();
  return models.Import(name.empty() ? "imported" : name, bytes);
}

}  // namespace metastep
