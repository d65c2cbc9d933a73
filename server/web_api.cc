#include "server/web_api.h"

#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "metastep/v1/model_service.pb.h"
#include "metastep/v1/run_service.pb.h"
#include "metastep/v1/step_service.pb.h"

namespace metastep {
namespace {

using MessagePtr = std::unique_ptr<google::protobuf::Message>;

// More than a person looks through; the command pages through all.
constexpr int kRuns = 20;
constexpr int kModels = 100;
constexpr int kSessions = 100;
constexpr int kRounds = 2000;

template <typename Response>
absl::StatusOr<MessagePtr> Boxed(absl::StatusOr<Response> response) {
  METASTEP_RETURN_IF_ERROR(response.status());
  return std::make_unique<Response>(*std::move(response));
}

std::string Parameter(const HttpQuery& query, const std::string& name) {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

v1::ListRoundsRequest RoundsRequest(const HttpQuery& query) {
  v1::ListRoundsRequest request;
  request.set_run_id(Parameter(query, "run_id"));
  request.set_page_token(Parameter(query, "page_token"));
  request.set_page_size(kRounds);
  return request;
}

v1::ListModelsResponse ListModels(const ModelRegistry& models) {
  v1::ListModelsResponse response;
  for (v1::ModelInfo& model : models.List("", {}, kModels)) {
    *response.add_models() = std::move(model);
  }
  return response;
}

}  // namespace

std::map<std::string, HttpApi> WebApis(Coordinator& coordinator,
                                       const ModelRegistry& models,
                                       const SessionStore& sessions) {
  return {
      {"runs",
       [&coordinator](const HttpQuery&) {
         v1::ListRunsRequest request;
         request.set_page_size(kRuns);
         return Boxed(coordinator.ListRuns(request));
       }},
      {"rounds",
       [&coordinator](const HttpQuery& query) {
         return Boxed(coordinator.ListRounds(RoundsRequest(query)));
       }},
      {"workers",
       [&coordinator](const HttpQuery&) {
         return Boxed<v1::ListWorkersResponse>(coordinator.ListWorkers());
       }},
      {"models",
       [&models](const HttpQuery&) {
         return Boxed<v1::ListModelsResponse>(ListModels(models));
       }},
      {"sessions",
       [&sessions](const HttpQuery&) {
         v1::ListSessionsRequest request;
         request.set_page_size(kSessions);
         return Boxed(sessions.List(request));
       }},
  };
}

}  // namespace metastep
