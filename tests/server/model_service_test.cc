#include "server/model_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "rpc/channel.h"
#include "rpc/server_host.h"
#include "tests/server/fixtures.h"
#include "tests/server/service_call.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::HasSubstr;
using Stub = v1::ModelService::Stub;

// A server on a free port and a client of it, both in this process.
class ModelServiceTest : public testing::Test {
 protected:
  ModelServiceTest() : pool_(2) {
    auto registry = ModelRegistry::Open(folder_, Clock::Real());
    EXPECT_OK(registry);
    registry_ = *std::move(registry);
    service_ = std::make_unique<ModelServiceImpl>(*registry_, pool_);
    auto host = ServerHost::Start(
        {}, {{v1::ModelService::service_full_name(), service_.get()}});
    EXPECT_OK(host);
    host_ = *std::move(host);
    stub_ = v1::ModelService::NewStub(
        MakeChannel(absl::StrCat("127.0.0.1:", host_->port())));
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> Call(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request) {
    return CallService(*stub_, method, request);
  }

  const std::filesystem::path folder_ = NewTestFolder();
  ThreadPool pool_;
  std::unique_ptr<ModelRegistry> registry_;
  std::unique_ptr<ModelServiceImpl> service_;
  std::unique_ptr<ServerHost> host_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(ModelServiceTest, ImportsWhatItExports) {
  ASSERT_OK(registry_->Publish("toy", TestModel(1)));
  v1::ExportModelRequest export_request;
  export_request.mutable_model()->set_name("toy");
  ASSERT_OK_AND_ASSIGN(const auto exported,
                       Call(&Stub::ExportModel, export_request));
  v1::ImportModelRequest import_request;
  import_request.set_name("copy");
  import_request.set_safetensors(exported.safetensors());
  ASSERT_OK_AND_ASSIGN(const auto imported,
                       Call(&Stub::ImportModel, import_request));
  EXPECT_EQ(imported.model().name(), "copy");
  EXPECT_EQ(imported.model().phi_sha256(), exported.model().phi_sha256());
}

TEST_F(ModelServiceTest, LabelsAndDeletes) {
  ASSERT_OK(registry_->Publish("toy", TestModel(1)));
  v1::LabelModelRequest label;
  label.mutable_model()->set_name("toy");
  label.mutable_model()->set_version(1);
  label.set_label("best");
  ASSERT_OK(Call(&Stub::LabelModel, label));
  v1::GetModelRequest get;
  get.mutable_model()->set_name("toy");
  get.mutable_model()->set_label("best");
  EXPECT_EQ(Call(&Stub::GetModel, get)->model().labels(0), "best");
  v1::DeleteModelRequest remove;
  *remove.mutable_model() = label.model();
  EXPECT_THAT(Call(&Stub::DeleteModel, remove),
              StatusIs(StatusCode::kFailedPrecondition, testing::_));
  label.set_remove(true);
  ASSERT_OK(Call(&Stub::LabelModel, label));
  EXPECT_OK(Call(&Stub::DeleteModel, remove));
  EXPECT_THAT(Call(&Stub::DeleteModel, remove),
              StatusIs(StatusCode::kNotFound, testing::_));
}

TEST_F(ModelServiceTest, ListsInPages) {
  for (int i = 0; i < 3; ++i) ASSERT_OK(registry_->Publish("b", TestModel(i)));
  ASSERT_OK(registry_->Publish("a", TestModel(1)));
  v1::ListModelsRequest request;
  request.set_page_size(2);
  std::string listed;
  do {
    ASSERT_OK_AND_ASSIGN(const auto page, Call(&Stub::ListModels, request));
    for (const v1::ModelInfo& model : page.models()) {
      absl::StrAppend(&listed, model.name(), model.version(), " ");
    }
    absl::StrAppend(&listed, "| ");
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(listed, "a1 b1 | b2 b3 | ");
}

TEST_F(ModelServiceTest, RefusesPagesThatAreNone) {
  v1::ListModelsRequest request;
  request.set_page_size(-1);
  EXPECT_THAT(
      Call(&Stub::ListModels, request),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("page_size is -1")));
  request.set_page_size(0);
  for (const char* token : {"toy", "toy@", "toy@0", "toy@x"}) {
    request.set_page_token(token);
    EXPECT_THAT(Call(&Stub::ListModels, request),
                StatusIs(StatusCode::kInvalidArgument, HasSubstr(token)));
  }
}

}  // namespace
}  // namespace metastep
