#include "server/model_service.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "optimizer/model_file.h"
#include "server/request_checks.h"
#include "server/unary_call.h"

namespace metastep {
namespace {

// A page token is the last version listed, "name@version".
absl::StatusOr<std::pair<std::string, int64_t>> ParsePageToken(
    const std::string& token) {
  std::pair<std::string, int64_t> after;
  if (token.empty()) return after;
  const size_t at = token.find('@');
  if (at == std::string::npos ||
      !absl::SimpleAtoi(token.substr(at + 1), &after.second) ||
      after.second < 1) {
    return BadPageToken(token);
  }
  after.first = token.substr(0, at);
  return after;
}

absl::StatusOr<v1::ListModelsResponse> ListPage(
    const ModelRegistry& registry, const v1::ListModelsRequest& request) {
  METASTEP_ASSIGN_OR_RETURN(
      const int size,
      PageSize(request.page_size(), /*standard=*/100, /*limit=*/1000));
  METASTEP_ASSIGN_OR_RETURN(const auto after,
                            ParsePageToken(request.page_token()));
  v1::ListModelsResponse response;
  size_t bytes = 0;
  // One more than the page says whether there is a next.
  for (v1::ModelInfo& model : registry.List(request.name(), after, size + 1)) {
    if (response.models_size() == size || bytes > kMaxPageBytes) {
      const v1::ModelInfo& last = *response.models().rbegin();
      response.set_next_page_token(
          absl::StrCat(last.name(), "@", last.version()));
      break;
    }
    bytes += model.ByteSizeLong();
    *response.add_models() = std::move(model);
  }
  return response;
}

// A response that holds just the model.
template <typename Response>
absl::StatusOr<Response> Wrap(absl::StatusOr<v1::ModelInfo> model) {
  if (!model.ok()) return model.status();
  Response response;
  *response.mutable_model() = *std::move(model);
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* ModelServiceImpl::ListModels(
    grpc::CallbackServerContext* context, const v1::ListModelsRequest* request,
    v1::ListModelsResponse* response) {
  return RunUnary(context, pool_, response,
                  [this, request] { return ListPage(registry_, *request); });
}

grpc::ServerUnaryReactor* ModelServiceImpl::GetModel(
    grpc::CallbackServerContext* context, const v1::GetModelRequest* request,
    v1::GetModelResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::GetModelResponse>(registry_.Get(request->model()));
  });
}

grpc::ServerUnaryReactor* ModelServiceImpl::ImportModel(
    grpc::CallbackServerContext* context, const v1::ImportModelRequest* request,
    v1::ImportModelResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::ImportModelResponse>(
        registry_.Import(request->name(), request->safetensors()));
  });
}

grpc::ServerUnaryReactor* ModelServiceImpl::ExportModel(
    grpc::CallbackServerContext* context, const v1::ExportModelRequest* request,
    v1::ExportModelResponse* response) {
  return RunUnary(context, pool_, response,
                  [this, request]() -> absl::StatusOr<v1::ExportModelResponse> {
                    METASTEP_ASSIGN_OR_RETURN(
                        const std::shared_ptr<const Model> model,
                        registry_.Resolve(request->model()));
                    v1::ExportModelResponse exported;
                    *exported.mutable_model() = model->info;
                    exported.set_safetensors(EncodeModel(*model));
                    return exported;
                  });
}

grpc::ServerUnaryReactor* ModelServiceImpl::LabelModel(
    grpc::CallbackServerContext* context, const v1::LabelModelRequest* request,
    v1::LabelModelResponse* response) {
  return RunUnary(context, pool_, response, [this, request] {
    return Wrap<v1::LabelModelResponse>(
        request->remove()
            ? registry_.RemoveLabel(request->model(), request->label())
            : registry_.SetLabel(request->model(), request->label()));
  });
}

grpc::ServerUnaryReactor* ModelServiceImpl::DeleteModel(
    grpc::CallbackServerContext* context, const v1::DeleteModelRequest* request,
    v1::DeleteModelResponse* response) {
  return RunUnary(
      context, pool_, response,
      [this, request]() -> absl::StatusOr<v1::DeleteModelResponse> {
        METASTEP_RETURN_IF_ERROR(registry_.Delete(request->model()));
        return v1::DeleteModelResponse();
      });
}

}  // namespace metastep
