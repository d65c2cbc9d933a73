// A step service in the test's process: every session is SGD at learning rate
// 0.5, and answers can be lost.
#ifndef METASTEP_TESTS_CLIENT_FAKE_STEP_SERVICE_H_
#define METASTEP_TESTS_CLIENT_FAKE_STEP_SERVICE_H_

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "metastep/v1/step_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/error_reason.h"
#include "rpc/float_bytes.h"
#include "rpc/server_host.h"
#include "rpc/status_conversion.h"

namespace metastep {

// Thread-safe.
class FakeStepService final : public v1::StepService::Service {
 public:
  FakeStepService() : host_(*ServerHost::Start({}, {this})) {}

  std::shared_ptr<grpc::Channel> Channel() const {
    return MakeChannel(absl::StrCat("127.0.0.1:", host_->port()));
  }

  // The next call is done, but its answer does not arrive.
  void LoseNextAnswer() {
    MutexLock lock(mu_);
    lose_next_answer_ = true;
  }
  // As if another client had stepped the sessions.
  void SkipStep() {
    MutexLock lock(mu_);
    ++next_step_;
  }
  // The numbers that Step was called with, in order.
  std::vector<int64_t> steps() {
    MutexLock lock(mu_);
    return steps_;
  }
  int closed() {
    MutexLock lock(mu_);
    return closed_;
  }
  v1::OpenSessionRequest opened() {
    MutexLock lock(mu_);
    return opened_;
  }

  grpc::Status OpenSession(grpc::ServerContext*,
                           const v1::OpenSessionRequest* request,
                           v1::OpenSessionResponse* response) override {
    MutexLock lock(mu_);
    opened_ = *request;
    response->mutable_session()->set_session_id("session");
    response->mutable_session()->set_next_step(1);
    return Answer();
  }

  grpc::Status RestoreSession(grpc::ServerContext*,
                              const v1::RestoreSessionRequest* request,
                              v1::RestoreSessionResponse* response) override {
    MutexLock lock(mu_);
    if (request->snapshot_id() != "snapshot") {
      return ToGrpcStatus(WithReason(absl::NotFoundError("no such snapshot"),
                                     kReasonSnapshotUnknown));
    }
    response->mutable_session()->set_session_id("session");
    response->mutable_session()->set_next_step(next_step_);
    return Answer();
  }

  // With SGD, the stored answer of a repeated step is what the same gradient
  // gives again.
  grpc::Status Step(grpc::ServerContext*, const v1::StepRequest* request,
                    v1::StepResponse* response) override {
    MutexLock lock(mu_);
    steps_.push_back(request->step());
    // Sessions of the same age step side by side: only a jump is a gap.
    if (request->step() > steps_.size() + next_step_ ||
        request->step() < next_step_ - 1) {
      return ToGrpcStatus(WithReason(
          absl::FailedPreconditionError("not the next step"), kReasonStepGap,
          {{"expected_step", absl::StrCat(next_step_)}}));
    }
    std::vector<float> floats = FloatsFromBytes(request->gradient());
    for (float& value : floats) {
      if (!std::isfinite(value)) {
        return ToGrpcStatus(
            WithReason(absl::InvalidArgumentError("gradient is not finite"),
                       kReasonGradientNotFinite));
      }
      value *= -0.5f;
    }
    response->set_update(FloatsToBytes(floats));
    return Answer();
  }

  grpc::Status SaveSession(grpc::ServerContext*, const v1::SaveSessionRequest*,
                           v1::SaveSessionResponse* response) override {
    response->set_snapshot_id("snapshot");
    return grpc::Status::OK;
  }

  grpc::Status CloseSession(grpc::ServerContext*,
                            const v1::CloseSessionRequest*,
                            v1::CloseSessionResponse*) override {
    MutexLock lock(mu_);
    if (++closed_ > 1) {
      return ToGrpcStatus(WithReason(absl::NotFoundError("no such session"),
                                     kReasonSessionUnknown));
    }
    return Answer();
  }

 private:
  grpc::Status Answer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!lose_next_answer_) return grpc::Status::OK;
    lose_next_answer_ = false;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "answer lost");
  }

  Mutex mu_;
  bool lose_next_answer_ ABSL_GUARDED_BY(mu_) = false;
  int64_t next_step_ ABSL_GUARDED_BY(mu_) = 1;
  std::vector<int64_t> steps_ ABSL_GUARDED_BY(mu_);
  int closed_ ABSL_GUARDED_BY(mu_) = 0;
  v1::OpenSessionRequest opened_ ABSL_GUARDED_BY(mu_);

  const std::unique_ptr<ServerHost> host_;  // last: it serves this object
};

}  // namespace metastep

#endif  // METASTEP_TESTS_CLIENT_FAKE_STEP_SERVICE_H_
