#include "client/stream_step.h"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "base/mutex.h"
#include "rpc/channel.h"
#include "rpc/float_format.h"
#include "rpc/message_limit.h"
#include "rpc/status_conversion.h"

namespace metastep {
namespace {

// Its fields are touched by the one write, or the one read, that is under way,
// and by nobody else until OnDone.
class StreamStep final
    : public grpc::ClientBidiReactor<v1::StepStreamRequest,
                                     v1::StepStreamResponse> {
 public:
  StreamStep(const v1::StepBegin& begin, absl::Span<const float> gradient,
             absl::Span<float> update)
      : begin_(begin), unsent_(gradient), unfilled_(update) {}

  absl::Status Run(v1::StepService::StubInterface& stub,
                   absl::Duration timeout) {
    SetTimeout(context_, timeout);
    stub.async()->StepStream(&context_, this);
    *request_.mutable_begin() = begin_;
    WriteNext();
    StartRead(&response_);
    StartCall();
    MutexLock lock(mu_);
    while (!status_) done_.Wait(mu_);
    return *status_;
  }

  void OnWriteDone(bool ok) override {
    request_.clear_begin();
    if (ok && !unsent_.empty()) WriteNext();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    wrong_ = TakeUpdate();
    if (wrong_.ok()) {
      StartRead(&response_);
    } else {
      context_.TryCancel();
    }
  }

  void OnDone(const grpc::Status& status) override {
    MutexLock lock(mu_);
    status_ = FromGrpcStatus(status);
    if (!wrong_.ok()) status_ = wrong_;
    if (status_->ok() && !unfilled_.empty()) status_ = EndedEarly();
    done_.NotifyAll();
  }

 private:
  void WriteNext() {
    const auto chunk =
        unsent_.first(std::min<size_t>(unsent_.size(), kChunkCoordinates));
    unsent_.remove_prefix(chunk.size());
    EncodeFloats(begin_.gradient_format(), chunk, *request_.mutable_gradient());
    grpc::WriteOptions options;
    if (unsent_.empty()) options.set_last_message();
    StartWrite(&request_, options);
  }

  absl::Status TakeUpdate() {
    const int64_t bytes = BytesPerFloat(begin_.update_format());
    const size_t size = response_.update().size() / bytes;
    if (response_.step() != begin_.step() || size > unfilled_.size() ||
        response_.update().size() % bytes != 0) {
      return absl::InternalError(absl::StrFormat(
          "the server answered step %d with %d bytes of step %d where %d "
          "coordinates were left",
          begin_.step(), response_.update().size(), response_.step(),
          unfilled_.size()));
    }
    DecodeFloats(begin_.update_format(), response_.update(),
                 unfilled_.first(size));
    unfilled_.remove_prefix(size);
    return absl::OkStatus();
  }

  absl::Status EndedEarly() const {
    return absl::InternalError(absl::StrFormat(
        "the server ended the answer to step %d with %d coordinates left",
        begin_.step(), unfilled_.size()));
  }

  const v1::StepBegin begin_;
  grpc::ClientContext context_;
  v1::StepStreamRequest request_;
  absl::Span<const float> unsent_;
  v1::StepStreamResponse response_;
  absl::Span<float> unfilled_;
  absl::Status wrong_;  // with the answer

  Mutex mu_;
  CondVar done_;
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::Status StepByStream(v1::StepService::StubInterface& stub,
                          const v1::StepBegin& begin,
                          absl::Span<const float> gradient,
                          absl::Span<float> update, absl::Duration timeout) {
  return StreamStep(begin, gradient, update).Run(stub, timeout);
}

}  // namespace metastep
