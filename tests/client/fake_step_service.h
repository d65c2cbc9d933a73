// A step service in the test's process: every session is SGD at learning rate
// 0.5, and answers can be lost.
#ifndef METASTEP_TESTS_CLIENT_FAKE_STEP_SERVICE_H_
#define METASTEP_TESTS_CLIENT_FAKE_STEP_SERVICE_H_

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "metastep/v1/step_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/error_reason.h"
#include "rpc/float_format.h"
#include "rpc/server_host.h"
#include "rpc/status_conversion.h"

namespace metastep {

// Thread-safe.
class FakeStepService final : public v1::StepService::Service {
 public:
  FakeStepService()
      : host_(*ServerHost::Start(
            {}, {{v1::StepService::service_full_name(), this}})) {}

  std::shared_ptr<grpc::Channel> Channel() const {
    return MakeChannel(absl::StrCat("127.0.0.1:", host_->port()));
  }

  // The next call is done, but `code` arrives in place of its answer.
  void LoseNextAnswer(grpc::StatusCode code = grpc::StatusCode::UNAVAILABLE) {
    MutexLock lock(mu_);
    next_answer_ = grpc::Status(code, "answer lost");
  }
  // As if another client had stepped the sessions.
  void SkipStep() {
    MutexLock lock(mu_);
    for (auto& [id, next_step] : next_steps_) ++next_step;
  }
  // The numbers that Step was called with, in order.
  std::vector<int64_t> steps() {
    MutexLock lock(mu_);
    return steps_;
  }
  // Calls of StepStream.
  int streams() {
    MutexLock lock(mu_);
    return streams_;
  }
  // Calls of CloseSession.
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
    Open(/*next_step=*/1, *response->mutable_session());
    return Answer();
  }

  grpc::Status RestoreSession(grpc::ServerContext*,
                              const v1::RestoreSessionRequest* request,
                              v1::RestoreSessionResponse* response) override {
    MutexLock lock(mu_);
    if (request->snapshot_id() != "snapshot at 5") {
      return ToGrpcStatus(WithReason(absl::NotFoundError("no such snapshot"),
                                     kReasonSnapshotUnknown));
    }
    Open(/*next_step=*/5, *response->mutable_session());
    return Answer();
  }

  // SGD has no state: a repeated gradient gives the stored answer again.
  grpc::Status Step(grpc::ServerContext*, const v1::StepRequest* request,
                    v1::StepResponse* response) override {
    MutexLock lock(mu_);
    steps_.push_back(request->step());
    int64_t& next_step = next_steps_[request->session_id()];
    if (request->step() != next_step && request->step() != next_step - 1) {
      return ToGrpcStatus(WithReason(
          absl::FailedPreconditionError("not the next step"), kReasonStepGap,
          {{"expected_step", absl::StrCat(next_step)}}));
    }
    const int64_t bytes = BytesPerFloat(request->gradient_format());
    std::vector<float> floats(request->gradient().size() / bytes);
    DecodeFloats(request->gradient_format(), request->gradient(),
                 absl::MakeSpan(floats));
    for (float& value : floats) {
      if (!std::isfinite(value)) {
        return ToGrpcStatus(
            WithReason(absl::InvalidArgumentError("gradient is not finite"),
                       kReasonGradientNotFinite));
      }
      value *= -0.5f;
    }
    next_step = request->step() + 1;
    EncodeFloats(request->update_format(), floats, *response->mutable_update());
    return Answer();
  }

  // Steps by the stream as Step does, once all of the gradient has come; an
  // answer is lost after its first chunk.
  grpc::Status StepStream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::StepStreamResponse, v1::StepStreamRequest>*
          stream) override {
    {
      MutexLock lock(mu_);
      ++streams_;
    }
    v1::StepStreamRequest chunk;
    v1::StepRequest request;
    while (stream->Read(&chunk)) {
      if (chunk.has_begin()) {
        request.set_session_id(chunk.begin().session_id());
        request.set_step(chunk.begin().step());
      }
      request.mutable_gradient()->append(chunk.gradient());
    }
    v1::StepResponse response;
    const grpc::Status status = Step(context, &request, &response);
    v1::StepStreamResponse answer;
    answer.set_step(request.step());
    for (size_t sent = 0; sent < response.update().size();
         sent += answer.update().size()) {
      answer.set_update(response.update().substr(sent, 1 << 20));
      if (!stream->Write(answer) || !status.ok()) break;
    }
    return status;
  }

  grpc::Status SaveSession(grpc::ServerContext*, const v1::SaveSessionRequest*,
                           v1::SaveSessionResponse* response) override {
    response->set_snapshot_id("snapshot at 5");
    return grpc::Status::OK;
  }

  grpc::Status CloseSession(grpc::ServerContext*,
                            const v1::CloseSessionRequest* request,
                            v1::CloseSessionResponse*) override {
    MutexLock lock(mu_);
    ++closed_;
    if (next_steps_.erase(request->session_id()) == 0) {
      return ToGrpcStatus(WithReason(absl::NotFoundError("no such session"),
                                     kReasonSessionUnknown));
    }
    return Answer();
  }

 private:
  void Open(int64_t next_step, v1::Session& session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    session.set_session_id(absl::StrCat("session ", ++opened_count_));
    session.set_next_step(next_step);
    next_steps_[session.session_id()] = next_step;
  }
  grpc::Status Answer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::exchange(next_answer_, grpc::Status::OK);
  }

  Mutex mu_;
  grpc::Status next_answer_ ABSL_GUARDED_BY(mu_);
  int opened_count_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, int64_t> next_steps_ ABSL_GUARDED_BY(mu_);
  std::vector<int64_t> steps_ ABSL_GUARDED_BY(mu_);
  int streams_ ABSL_GUARDED_BY(mu_) = 0;
  int closed_ ABSL_GUARDED_BY(mu_) = 0;
  v1::OpenSessionRequest opened_ ABSL_GUARDED_BY(mu_);

  const std::unique_ptr<ServerHost> host_;  // last: it serves this object
};

}  // namespace metastep

#endif  // METASTEP_TESTS_CLIENT_FAKE_STEP_SERVICE_H_
