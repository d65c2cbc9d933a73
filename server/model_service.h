// ModelService over the registry: transport only.
#ifndef METASTEP_SERVER_MODEL_SERVICE_H_
#define METASTEP_SERVER_MODEL_SERVICE_H_

#include "base/thread_pool.h"
#include "metastep/v1/model_service.grpc.pb.h"
#include "server/model_registry.h"

namespace metastep {

// See model_service.proto. Both arguments must outlive it. Thread-safe.
class ModelServiceImpl final : public v1::ModelService::CallbackService {
 public:
  // Calls run on `pool`: they write the disk, or copy whole lists and files.
  ModelServiceImpl(ModelRegistry& registry, ThreadPool& pool)
      : registry_(registry), pool_(pool) {}

  grpc::ServerUnaryReactor* ListModels(
      grpc::CallbackServerContext* context,
      const v1::ListModelsRequest* request,
      v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const v1::GetModelRequest* request,
                                     v1::GetModelResponse* response) override;
  grpc::ServerUnaryReactor* ImportModel(
      grpc::CallbackServerContext* context,
      const v1::ImportModelRequest* request,
      v1::ImportModelResponse* response) override;
  grpc::ServerUnaryReactor* ExportModel(
      grpc::CallbackServerContext* context,
      const v1::ExportModelRequest* request,
      v1::ExportModelResponse* response) override;
  grpc::ServerUnaryReactor* LabelModel(
      grpc::CallbackServerContext* context,
      const v1::LabelModelRequest* request,
      v1::LabelModelResponse* response) override;
  grpc::ServerUnaryReactor* DeleteModel(
      grpc::CallbackServerContext* context,
      const v1::DeleteModelRequest* request,
      v1::DeleteModelResponse* response) override;

 private:
  ModelRegistry& registry_;
  ThreadPool& pool_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_MODEL_SERVICE_H_
