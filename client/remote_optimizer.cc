#include "client/remote_optimizer.h"

#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/digest.h"
#include "base/status_macros.h"
#include "client/stream_step.h"
#include "client/unary_call.h"
#include "metastep/v1/step_service.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/float_format.h"
#include "rpc/message_limit.h"

namespace metastep {
namespace {

using v1::StepService;

// The destructor's patience: it must not hold up a process that is ending.
constexpr absl::Duration kFarewellTimeout = absl::Seconds(1);

template <typename Request>
void SetTtl(absl::Duration ttl, Request& request) {
  const int64_t nanos = absl::ToInt64Nanoseconds(ttl);
  request.mutable_ttl()->set_seconds(nanos / 1'000'000'000);
  request.mutable_ttl()->set_nanos(static_cast<int>(nanos % 1'000'000'000));
}

UnaryCallOptions CallOptions(const RemoteOptimizerOptions& options) {
  UnaryCallOptions call;
  call.timeout = options.call_timeout;
  call.retry.initial_backoff = options.initial_backoff;
  call.retry.give_up_after = options.give_up_after;
  call.sleep = [](absl::Duration duration) {
    absl::SleepFor(duration);
    return true;
  };
  return call;
}

void SetRule(const RemoteOptimizer::Rule& rule,
             v1::OpenSessionRequest& request) {
  if (const auto* model = std::get_if<v1::ModelRef>(&rule)) {
    *request.mutable_model() = *model;
  } else {
    *request.mutable_hand_designed() = std::get<v1::HandDesignedSpec>(rule);
  }
}

}  // namespace

// The stub and how it is called.
class RemoteOptimizer::Connection {
 public:
  Connection(const std::shared_ptr<grpc::Channel>& channel,
             const RemoteOptimizerOptions& options)
      : stub_(StepService::NewStub(channel)),
        options_(CallOptions(options)),
        wire_format_(options.wire_format) {}

  v1::FloatFormat wire_format() const { return wire_format_; }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (StepService::StubInterface::*method)(grpc::ClientContext*,
                                                         const Request&,
                                                         Response*),
      const Request& request) {
    return CallUnary<StepService::StubInterface>(options_, *stub_, method,
                                                 request);
  }

  // The step that `begin` says, by a stream.
  absl::Status Stream(const v1::StepBegin& begin,
                      absl::Span<const float> gradient,
                      absl::Span<float> update) {
    return RetryUnavailable(options_.retry, options_.sleep, [&] {
      const absl::Status status = OutOfReachIsUnavailable(
          StepByStream(*stub_, begin, gradient, update, options_.timeout));
      // The stream of an attempt before, which the server holds for alive.
      if (!absl::IsAborted(status)) return status;
      return absl::UnavailableError(status.message());
    });
  }

  // One attempt to close, whatever comes of it: the server's ttl is the remedy.
  void CloseInPassing(const std::string& session_id) {
    grpc::ClientContext context;
    SetTimeout(context, kFarewellTimeout);
    v1::CloseSessionRequest request;
    request.set_session_id(session_id);
    v1::CloseSessionResponse response;
    stub_->CloseSession(&context, request, &response);
  }

 private:
  const std::unique_ptr<StepService::StubInterface> stub_;
  const UnaryCallOptions options_;
  const v1::FloatFormat wire_format_;
};

RemoteOptimizer::RemoteOptimizer(std::unique_ptr<Connection> connection,
                                 v1::Session session)
    : connection_(std::move(connection)), session_(std::move(session)) {}
RemoteOptimizer::RemoteOptimizer(RemoteOptimizer&&) noexcept = default;

RemoteOptimizer& RemoteOptimizer::operator=(RemoteOptimizer&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(session_, other.session_);
  return *this;
}

RemoteOptimizer::~RemoteOptimizer() {
  if (connection_) connection_->CloseInPassing(session_.session_id());
}

const v1::Session& RemoteOptimizer::session() const { return session_; }

absl::StatusOr<RemoteOptimizer> RemoteOptimizer::Open(
    const std::shared_ptr<grpc::Channel>& channel, const Rule& rule,
    absl::Span<const v1::TensorSpec> tensors,
    const RemoteOptimizerOptions& options) {
  v1::OpenSessionRequest request;
  request.set_request_id(RandomId());
  SetRule(rule, request);
  request.mutable_tensors()->Assign(tensors.begin(), tensors.end());
  SetTtl(options.ttl, request);
  request.set_state_format(options.state_format);
  auto connection = std::make_unique<Connection>(channel, options);
  METASTEP_ASSIGN_OR_RETURN(
      v1::OpenSessionResponse response,
      connection->Call(&StepService::StubInterface::OpenSession, request));
  return RemoteOptimizer(std::move(connection),
                         std::move(*response.mutable_session()));
}

absl::StatusOr<RemoteOptimizer> RemoteOptimizer::Open(
    const std::string& address, const Rule& rule,
    absl::Span<const v1::TensorSpec> tensors,
    const RemoteOptimizerOptions& options) {
  return Open(MakeChannel(address), rule, tensors, options);
}

absl::StatusOr<RemoteOptimizer> RemoteOptimizer::Restore(
    const std::shared_ptr<grpc::Channel>& channel,
    const std::string& snapshot_id, const RemoteOptimizerOptions& options) {
  v1::RestoreSessionRequest request;
  request.set_request_id(RandomId());
  request.set_snapshot_id(snapshot_id);
  SetTtl(options.ttl, request);
  auto connection = std::make_unique<Connection>(channel, options);
  METASTEP_ASSIGN_OR_RETURN(
      v1::RestoreSessionResponse response,
      connection->Call(&StepService::StubInterface::RestoreSession, request));
  return RemoteOptimizer(std::move(connection),
                         std::move(*response.mutable_session()));
}

absl::Status RemoteOptimizer::Step(absl::Span<const float> gradient,
                                   absl::Span<float> update) {
  if (connection_ == nullptr) {
    return absl::FailedPreconditionError("the session is closed");
  }
  if (update.size() != gradient.size()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("update has room for %d floats; the gradient has %d",
                        update.size(), gradient.size()));
  }
  if (gradient.size() <= kChunkCoordinates) {
    METASTEP_RETURN_IF_ERROR(StepByMessage(gradient, update));
  } else {
    v1::StepBegin begin;
    begin.set_session_id(session_.session_id());
    begin.set_step(session_.next_step());
    begin.set_coordinates(static_cast<int64_t>(gradient.size()));
    begin.set_gradient_format(connection_->wire_format());
    begin.set_update_format(connection_->wire_format());
    METASTEP_RETURN_IF_ERROR(connection_->Stream(begin, gradient, update));
  }
  session_.set_next_step(session_.next_step() + 1);
  return absl::OkStatus();
}

absl::Status RemoteOptimizer::StepByMessage(absl::Span<const float> gradient,
                                            absl::Span<float> update) {
  const v1::FloatFormat format = connection_->wire_format();
  v1::StepRequest request;
  request.set_session_id(session_.session_id());
  request.set_step(session_.next_step());
  EncodeFloats(format, gradient, *request.mutable_gradient());
  request.set_gradient_format(format);
  request.set_update_format(format);
  METASTEP_ASSIGN_OR_RETURN(
      const v1::StepResponse response,
      connection_->Call(&StepService::StubInterface::Step, request));
  if (response.update().size() != gradient.size() * BytesPerFloat(format)) {
    return absl::InternalError(absl::StrFormat(
        "the server answered %d bytes to a gradient of %d floats",
        response.update().size(), gradient.size()));
  }
  DecodeFloats(format, response.update(), update);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> RemoteOptimizer::Step(
    absl::Span<const float> gradient) {
  std::vector<float> update(gradient.size());
  METASTEP_RETURN_IF_ERROR(Step(gradient, absl::MakeSpan(update)));
  return update;
}

absl::StatusOr<std::string> RemoteOptimizer::Save() {
  if (connection_ == nullptr) {
    return absl::FailedPreconditionError("the session is closed");
  }
  v1::SaveSessionRequest request;
  request.set_session_id(session_.session_id());
  METASTEP_ASSIGN_OR_RETURN(
      const v1::SaveSessionResponse response,
      connection_->Call(&StepService::StubInterface::SaveSession, request));
  return response.snapshot_id();
}

absl::Status RemoteOptimizer::Close() {
  if (connection_ == nullptr) return absl::OkStatus();
  v1::CloseSessionRequest request;
  request.set_session_id(session_.session_id());
  const absl::Status closed =
      connection_->Call(&StepService::StubInterface::CloseSession, request)
          .status();
  // A repeated call finds nothing left to close.
  if (!closed.ok() && !absl::IsNotFound(closed)) return closed;
  connection_.reset();
  return absl::OkStatus();
}

}  // namespace metastep
