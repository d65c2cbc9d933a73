// The server that a verb works with.
#ifndef METASTEP_CLIENT_COMMANDS_BACKEND_H_
#define METASTEP_CLIENT_COMMANDS_BACKEND_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/commands/flags.h"
#include "client/local_cluster.h"
#include "client/service_clients.h"
#include "client/state_folder.h"
#include "rpc/cancellation.h"

namespace metastep {

// A server that is named, or one with workers that lives as long as this.
// Members are destroyed in reverse order: the folder goes last.
struct Backend {
  std::unique_ptr<StateFolder> state;
  std::unique_ptr<LocalCluster> cluster;
  std::string address;
};

// Starts a server and workers. Errors: LocalCluster's and StateFolder's.
absl::StatusOr<Backend> StartBackend(const ClusterFlags& flags,
                                     Cancellation& cancellation);

// Imports a model file under the name that it carries.
absl::StatusOr<v1::ModelInfo> ImportModelFile(const std::string& path,
                                              ModelClient& models);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMMANDS_BACKEND_H_
