#include "client/service_clients.h"

#include <grpcpp/client_context.h>

#include <utility>

#include "base/status_macros.h"
#include "rpc/channel.h"
#include "rpc/retry.h"
#include "rpc/status_conversion.h"

namespace metastep {
namespace {

using Runs = v1::RunService::StubInterface;
using Models = v1::ModelService::StubInterface;
using Sessions = v1::StepService::StubInterface;

// A person waits: a server that is being restarted is back by then.
constexpr absl::Duration kGiveUpAfter = absl::Seconds(10);
// Someone who watches a long run rather waits than loses sight of it.
constexpr absl::Duration kWatchGiveUpAfter = absl::Minutes(2);
// A stream is renewed this often, so that even a silent one has an end.
constexpr absl::Duration kWatchTimeout = absl::Minutes(10);

UnaryCallOptions OptionsFor(const Cancellation& cancellation) {
  UnaryCallOptions options;
  options.retry.give_up_after = kGiveUpAfter;
  options.retry.max_backoff = absl::Seconds(2);
  options.sleep = [&cancellation](absl::Duration duration) {
    return cancellation.Sleep(duration);
  };
  return options;
}

// Reads all pages of a list; `items` names the response's repeated field.
template <typename Item, typename Stub, typename Request, typename Response>
absl::StatusOr<std::vector<Item>> AllPages(
    const UnaryCallOptions& options, Stub& stub,
    grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                 Response*),
    const google::protobuf::RepeatedPtrField<Item>& (Response::*items)() const,
    Request request = {}) {
  std::vector<Item> all;
  do {
    METASTEP_ASSIGN_OR_RETURN(const Response page,
                              CallUnary(options, stub, method, request));
    all.insert(all.end(), (page.*items)().begin(), (page.*items)().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

}  // namespace

RunClient::RunClient(const std::shared_ptr<grpc::Channel>& channel,
                     Cancellation& cancellation)
    : stub_(v1::RunService::NewStub(channel)),
      cancellation_(cancellation),
      options_(OptionsFor(cancellation)) {}

absl::StatusOr<v1::Run> RunClient::Create(const std::string& request_id,
                                          const v1::RunSpec& spec) {
  v1::CreateRunRequest request;
  request.set_request_id(request_id);
  *request.mutable_spec() = spec;
  METASTEP_ASSIGN_OR_RETURN(
      auto response, CallUnary(options_, *stub_, &Runs::CreateRun, request));
  return std::move(*response.mutable_run());
}

absl::StatusOr<v1::Run> RunClient::Get(const std::string& run_id) {
  v1::GetRunRequest request;
  request.set_run_id(run_id);
  METASTEP_ASSIGN_OR_RETURN(
      auto response, CallUnary(options_, *stub_, &Runs::GetRun, request));
  return std::move(*response.mutable_run());
}

absl::StatusOr<std::vector<v1::Run>> RunClient::List() {
  return AllPages(options_, *stub_, &Runs::ListRuns,
                  &v1::ListRunsResponse::runs);
}

absl::StatusOr<std::vector<v1::Round>> RunClient::ListRounds(
    const std::string& run_id) {
  v1::ListRoundsRequest request;
  request.set_run_id(run_id);
  return AllPages(options_, *stub_, &Runs::ListRounds,
                  &v1::ListRoundsResponse::rounds, request);
}

absl::StatusOr<v1::Run> RunClient::Cancel(const std::string& run_id) {
  v1::CancelRunRequest request;
  request.set_run_id(run_id);
  METASTEP_ASSIGN_OR_RETURN(
      auto response, CallUnary(options_, *stub_, &Runs::CancelRun, request));
  return std::move(*response.mutable_run());
}

absl::StatusOr<std::vector<v1::Worker>> RunClient::ListWorkers() {
  METASTEP_ASSIGN_OR_RETURN(const auto response,
                            CallUnary(options_, *stub_, &Runs::ListWorkers,
                                      v1::ListWorkersRequest()));
  return std::vector<v1::Worker>(response.workers().begin(),
                                 response.workers().end());
}

absl::Status RunClient::Follow(
    const v1::WatchRunRequest& request,
    const std::function<void(const v1::Run&)>& on_change, v1::Run& last) {
  grpc::ClientContext context;
  SetTimeout(context, kWatchTimeout);
  const Cancellation::Scope scope(cancellation_, context);
  const auto stream = stub_->WatchRun(&context, request);
  v1::WatchRunResponse response;
  bool heard = false;
  while (stream->Read(&response)) {
    heard = true;
    last = std::move(*response.mutable_run());
    on_change(last);
  }
  const absl::Status ended = FromGrpcStatus(stream->Finish());
  if (!cancellation_.status().ok()) return ended;
  const absl::Status broken = OutOfReachIsUnavailable(ended);
  // What was heard is progress: the patience of a retry begins anew.
  return heard && absl::IsUnavailable(broken) ? absl::OkStatus() : broken;
}

absl::StatusOr<v1::Run> RunClient::Watch(
    const std::string& run_id,
    const std::function<void(const v1::Run&)>& on_change) {
  v1::WatchRunRequest request;
  request.set_run_id(run_id);
  RetryOptions retry = options_.retry;
  retry.give_up_after = kWatchGiveUpAfter;
  v1::Run last;
  do {
    METASTEP_RETURN_IF_ERROR(RetryUnavailable(retry, options_.sleep, [&] {
      return Follow(request, on_change, last);
    }));
  } while (last.state() == v1::Run::RUNNING);
  return last;
}

ModelClient::ModelClient(const std::shared_ptr<grpc::Channel>& channel,
                         Cancellation& cancellation)
    : stub_(v1::ModelService::NewStub(channel)),
      options_(OptionsFor(cancellation)) {}

absl::StatusOr<std::vector<v1::ModelInfo>> ModelClient::List() {
  return AllPages(options_, *stub_, &Models::ListModels,
                  &v1::ListModelsResponse::models);
}

absl::StatusOr<v1::ModelInfo> ModelClient::Get(const v1::ModelRef& model) {
  v1::GetModelRequest request;
  *request.mutable_model() = model;
  METASTEP_ASSIGN_OR_RETURN(
      auto response, CallUnary(options_, *stub_, &Models::GetModel, request));
  return std::move(*response.mutable_model());
}

absl::StatusOr<v1::ModelInfo> ModelClient::Import(
    const std::string& name, const std::string& safetensors) {
  v1::ImportModelRequest request;
  request.set_name(name);
  request.set_safetensors(safetensors);
  METASTEP_ASSIGN_OR_RETURN(
      auto response,
      CallUnary(options_, *stub_, &Models::ImportModel, request));
  return std::move(*response.mutable_model());
}

absl::StatusOr<std::string> ModelClient::Export(const v1::ModelRef& model) {
  v1::ExportModelRequest request;
  *request.mutable_model() = model;
  METASTEP_ASSIGN_OR_RETURN(
      auto response,
      CallUnary(options_, *stub_, &Models::ExportModel, request));
  return std::move(*response.mutable_safetensors());
}

absl::StatusOr<v1::ModelInfo> ModelClient::Label(const v1::ModelRef& model,
                                                 const std::string& label,
                                                 bool remove) {
  v1::LabelModelRequest request;
  *request.mutable_model() = model;
  request.set_label(label);
  request.set_remove(remove);
  METASTEP_ASSIGN_OR_RETURN(
      auto response, CallUnary(options_, *stub_, &Models::LabelModel, request));
  return std::move(*response.mutable_model());
}

absl::Status ModelClient::Delete(const v1::ModelRef& model) {
  v1::DeleteModelRequest request;
  *request.mutable_model() = model;
  return CallUnary(options_, *stub_, &Models::DeleteModel, request).status();
}

absl::StatusOr<std::vector<v1::Session>> ListSessions(
    const std::shared_ptr<grpc::Channel>& channel, Cancellation& cancellation) {
  const auto stub = v1::StepService::NewStub(channel);
  return AllPages<v1::Session, Sessions>(OptionsFor(cancellation), *stub,
                                         &Sessions::ListSessions,
                                         &v1::ListSessionsResponse::sessions);
}

absl::Status DeleteSnapshot(const std::shared_ptr<grpc::Channel>& channel,
                            const std::string& snapshot_id,
                            Cancellation& cancellation) {
  const auto stub = v1::StepService::NewStub(channel);
  v1::DeleteSnapshotRequest request;
  request.set_snapshot_id(snapshot_id);
  return CallUnary<Sessions>(OptionsFor(cancellation), *stub,
                             &Sessions::DeleteSnapshot, request)
      .status();
}

}  // namespace metastep
