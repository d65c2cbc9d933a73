// Typed access to runs, models and sessions: each method is one RPC (lists:
// all of its pages) with a deadline, repeated while the server is out of reach.
// Errors are the server's, with their ErrorInfo; Unavailable says that it is
// out of reach.
#ifndef METASTEP_CLIENT_SERVICE_CLIENTS_H_
#define METASTEP_CLIENT_SERVICE_CLIENTS_H_

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/unary_call.h"
#include "metastep/v1/model_service.grpc.pb.h"
#include "metastep/v1/run_service.grpc.pb.h"
#include "metastep/v1/step_service.grpc.pb.h"
#include "rpc/cancellation.h"

namespace metastep {

// Thread-safe.
class RunClient {
 public:
  // `cancellation` must outlive it; it cuts waits short.
  RunClient(const std::shared_ptr<grpc::Channel>& channel,
            Cancellation& cancellation);

  absl::StatusOr<v1::Run> Create(const std::string& request_id,
                                 const v1::RunSpec& spec);
  absl::StatusOr<v1::Run> Get(const std::string& run_id);
  absl::StatusOr<std::vector<v1::Run>> List();
  // The closed rounds, oldest first.
  absl::StatusOr<std::vector<v1::Round>> ListRounds(const std::string& run_id);
  absl::StatusOr<v1::Run> Cancel(const std::string& run_id);
  absl::StatusOr<std::vector<v1::Worker>> ListWorkers();

  // Calls `on_change` with each state of the run that arrives, and returns its
  // last. Outlives restarts of the server. Errors: also Cancelled.
  absl::StatusOr<v1::Run> Watch(
      const std::string& run_id,
      const std::function<void(const v1::Run&)>& on_change);

 private:
  // Reads one stream to its end. A stream that breaks after it has brought a
  // state is OK: the next one starts with fresh patience.
  absl::Status Follow(const v1::WatchRunRequest& request,
                      const std::function<void(const v1::Run&)>& on_change,
                      v1::Run& last);

  const std::unique_ptr<v1::RunService::StubInterface> stub_;
  Cancellation& cancellation_;
  const UnaryCallOptions options_;
};

// Thread-safe.
class ModelClient {
 public:
  ModelClient(const std::shared_ptr<grpc::Channel>& channel,
              Cancellation& cancellation);

  absl::StatusOr<std::vector<v1::ModelInfo>> List();
  absl::StatusOr<v1::ModelInfo> Get(const v1::ModelRef& model);
  absl::StatusOr<v1::ModelInfo> Import(const std::string& name,
                                       const std::string& safetensors);
  // Returns the safetensors file.
  absl::StatusOr<std::string> Export(const v1::ModelRef& model);
  absl::StatusOr<v1::ModelInfo> Label(const v1::ModelRef& model,
                                      const std::string& label, bool remove);
  absl::Status Delete(const v1::ModelRef& model);

 private:
  const std::unique_ptr<v1::ModelService::StubInterface> stub_;
  const UnaryCallOptions options_;
};

// The open sessions of the step service. To step one, see remote_optimizer.h.
absl::StatusOr<std::vector<v1::Session>> ListSessions(
    const std::shared_ptr<grpc::Channel>& channel, Cancellation& cancellation);

// Deletes what SaveSession wrote. Errors: NotFound (SNAPSHOT_UNKNOWN).
absl::Status DeleteSnapshot(const std::shared_ptr<grpc::Channel>& channel,
                            const std::string& snapshot_id,
                            Cancellation& cancellation);

}  // namespace metastep

#endif  // METASTEP_CLIENT_SERVICE_CLIENTS_H_
