#include "bench/synthetic_worker.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <utility>

#include "absl/time/time.h"
#include "base/build_version.h"
#include "base/status_macros.h"
#include "rpc/channel.h"
#include "rpc/status_conversion.h"

namespace metastep {
namespace {

constexpr int kLeaseWaitSeconds = 10;
constexpr absl::Duration kCallTimeout = absl::Seconds(30);

// gRPC lets the channels of a process share a connection; workers that are
// processes of their own do not.
std::shared_ptr<grpc::Channel> ChannelOfItsOwn(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SyntheticWorker>> SyntheticWorker::Start(
    const std::string& address, const v1::WindowResult& result) {
  auto stub = v1::CoordinatorService::NewStub(ChannelOfItsOwn(address));
  grpc::ClientContext context;
  SetTimeout(context, kCallTimeout);
  v1::RegisterWorkerRequest request;
  request.set_name("synthetic");
  request.set_slots(1);
  request.set_version(kBuildVersion);
  v1::RegisterWorkerResponse response;
  METASTEP_RETURN_IF_ERROR(
      FromGrpcStatus(stub->RegisterWorker(&context, request, &response)));
  std::unique_ptr<SyntheticWorker> worker(
      new SyntheticWorker(std::move(stub), response.worker_id(), result));
  worker->Lease();
  return worker;
}

SyntheticWorker::SyntheticWorker(std::unique_ptr<Stub> stub,
                                 const std::string& worker_id,
                                 const v1::WindowResult& result)
    : stub_(std::move(stub)) {
  lease_request_.set_worker_id(worker_id);
  lease_request_.mutable_wait()->set_seconds(kLeaseWaitSeconds);
  result_.set_worker_id(worker_id);
  *result_.mutable_window() = result;
  result_.mutable_next();
}

SyntheticWorker::~SyntheticWorker() {
  MutexLock lock(mu_);
  stopping_ = true;
  if (call_) call_->TryCancel();
  while (call_) ended_.Wait(mu_);
}

absl::Status SyntheticWorker::status() const {
  MutexLock lock(mu_);
  return status_;
}

void SyntheticWorker::Lease() {
  grpc::ClientContext* call = NextCall();
  if (call == nullptr) return;
  stub_->async()->LeaseShard(call, &lease_request_, &lease_response_,
                             [this](const grpc::Status& status) {
                               if (!GoesOn(status)) return;
                               if (lease_response_.has_lease()) {
                                 Submit(lease_response_.lease());
                               } else {
                                 Lease();
                               }
                             });
}

void SyntheticWorker::Submit(const v1::Lease& lease) {
  grpc::ClientContext* call = NextCall();
  if (call == nullptr) return;
  result_.set_lease_id(lease.lease_id());
  stub_->async()->SubmitResult(call, &result_, &result_response_,
                               [this](const grpc::Status& status) {
                                 if (!GoesOn(status)) return;
                                 if (result_response_.has_next_lease()) {
                                   Submit(result_response_.next_lease());
                                 } else {
                                   Lease();
                                 }
                               });
}

bool SyntheticWorker::GoesOn(const grpc::Status& status) {
  MutexLock lock(mu_);
  if (status.ok() && !stopping_) return true;
  if (!stopping_) status_ = FromGrpcStatus(status);
  End();
  return false;
}

void SyntheticWorker::End() {
  call_.reset();
  ended_.NotifyAll();
}

grpc::ClientContext* SyntheticWorker::NextCall() {
  MutexLock lock(mu_);
  if (stopping_) {
    End();
    return nullptr;
  }
  call_.emplace();
  SetTimeout(*call_, kCallTimeout);
  return &*call_;
}

}  // namespace metastep
