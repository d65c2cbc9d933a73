#include "server/step_stream.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/mutex.h"
#include "rpc/error_reason.h"
#include "rpc/float_format.h"
#include "rpc/message_limit.h"
#include "rpc/status_conversion.h"
#include "server/step_session.h"

namespace metastep {
namespace {

using SteadyClock = std::chrono::steady_clock;
using StepPointer = std::shared_ptr<SessionStep>;

absl::Status WrongShape(absl::string_view what) {
  return WithReason(absl::InvalidArgumentError(what), kReasonGradientShape);
}

absl::Status GradientEndedEarly(const SessionStep& step) {
  return WrongShape(absl::StrFormat(
      "the gradient of step %d ended after %d of the session's %d coordinates; "
      "send every tensor, in the order in which the session was opened",
      step.step(), step.taken(), step.coordinates()));
}

absl::Status CheckCoordinates(const v1::StepBegin& begin,
                              const SessionStep& step) {
  if (begin.coordinates() == step.coordinates()) return absl::OkStatus();
  return WrongShape(
      absl::StrFormat("step %d begins with coordinates = %d; the session has "
                      "%d: send every tensor, in the order in which the "
                      "session was opened",
                      begin.step(), begin.coordinates(), step.coordinates()));
}

// gRPC's reactions, the pool's threads and other calls that want the session
// come at the same time. gRPC may be done with it while they still hold it.
class StepStream final : public grpc::ServerBidiReactor<v1::StepStreamRequest,
                                                        v1::StepStreamResponse>,
                         public std::enable_shared_from_this<StepStream> {
 public:
  static StepStream* Start(const grpc::CallbackServerContext& context,
                           SessionStore& sessions, StepMetrics& metrics) {
    const std::shared_ptr<StepStream> stream(
        new StepStream(context, sessions, metrics));
    stream->self_ = stream;
    stream->StartRead(&stream->request_);
    return stream.get();
  }
  ~StepStream() override { metrics_.streams.Decrement(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override { End(absl::CancelledError("the call is over")); }
  void OnDone() override { self_.reset(); }

 private:
  // A part of an update, to be written.
  struct Chunk {
    StepPointer step;  // null: nothing is to be written
    v1::FloatFormat format = v1::FLOAT32;
    int64_t begin = 0;
    int64_t size = 0;
  };

  StepStream(const grpc::CallbackServerContext& context, SessionStore& sessions,
             StepMetrics& metrics)
      : context_(context), sessions_(sessions), metrics_(metrics) {
    metrics_.streams.Increment();
  }

  // Begins the step whose first message is in request_.
  void Begin();
  void OnBegun(const absl::StatusOr<StepPointer>& step);
  // Takes the gradient in request_, of `step`, and reads on.
  void Feed(SessionStep& step);
  void ReadOn();
  void OnClientDone();
  // Somebody waits for the step of that many begins.
  void OnWanted(int64_t begins);
  // Writes what is ready, if nothing is being written.
  void Pump();
  Chunk NextChunk();
  void CountAnswered() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends the stream, and the step that it is in. Only the first call counts.
  void End(const absl::Status& status);

  const grpc::CallbackServerContext& context_;
  SessionStore& sessions_;
  StepMetrics& metrics_;
  std::shared_ptr<StepStream> self_;

  // Each is touched by one read, or one write, and what that leads to.
  v1::StepStreamRequest request_;
  v1::StepStreamResponse response_;

  Mutex mu_;
  v1::StepBegin begin_ ABSL_GUARDED_BY(mu_);  // of the latest step
  int64_t begins_ ABSL_GUARDED_BY(mu_) = 0;
  SteadyClock::time_point begun_ ABSL_GUARDED_BY(mu_);
  // Begins, of the step that somebody waits for; 0: of none.
  int64_t wanted_ ABSL_GUARDED_BY(mu_) = 0;
  bool repeated_ ABSL_GUARDED_BY(mu_) = false;     // the latest step
  StepPointer step_ ABSL_GUARDED_BY(mu_);          // until it is answered
  int64_t coordinates_ ABSL_GUARDED_BY(mu_) = 0;   // of the latest step
  int64_t written_ ABSL_GUARDED_BY(mu_) = 0;       // those of its update
  int64_t writing_ ABSL_GUARDED_BY(mu_) = 0;       // those in response_
  bool begin_waits_ ABSL_GUARDED_BY(mu_) = false;  // in request_
  bool client_done_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);  // that it ended with
};

void StepStream::OnReadDone(bool ok) {
  if (!ok) return OnClientDone();
  metrics_.received_bytes.Increment(
      static_cast<double>(request_.gradient().size()));
  metrics_.received_chunks.Increment();
  const bool begins = request_.has_begin();
  StepPointer step;
  bool ignored = false, waits = false;
  {
    MutexLock lock(mu_);
    if (ended_) return;
    step = step_;
    // From here on request_ belongs to the write that ends the answer.
    waits = begin_waits_ = begins && (step != nullptr || writing_ > 0);
    ignored = !begins && repeated_;
  }
  if (ignored) return ReadOn();
  if (step == nullptr) {
    if (!waits) Begin();
    return;
  }
  if (!begins) return Feed(*step);
  if (step->taken() < step->coordinates()) End(GradientEndedEarly(*step));
}

void StepStream::Begin() {
  if (!request_.has_begin()) {
    return End(
        WrongShape("this gradient belongs to no step; send a begin first"));
  }
  int64_t begins = 0;
  {
    MutexLock lock(mu_);
    begin_ = request_.begin();
    begins = ++begins_;
    begun_ = SteadyClock::now();
  }
  const auto session = SessionOf(sessions_, request_.begin());
  if (!session.ok()) return End(session.status());
  const std::weak_ptr<StepStream> weak = weak_from_this();
  (*session)->Begin(
      request_.begin().step(),
      [weak](const SessionStep&, int64_t) {
        if (const auto self = weak.lock()) self->Pump();
      },
      [weak, begins] {
        if (const auto self = weak.lock()) self->OnWanted(begins);
      },
      [self = shared_from_this()](const absl::StatusOr<StepPointer>& step) {
        self->OnBegun(step);
      });
}

void StepStream::OnBegun(const absl::StatusOr<StepPointer>& step) {
  if (!step.ok()) return End(step.status());
  const absl::Status checked = CheckCoordinates(request_.begin(), **step);
  if (!checked.ok()) return End(checked);
  bool wanted = false;
  {
    MutexLock lock(mu_);
    if (ended_) return;
    step_ = *step;
    repeated_ = step_->repeated();
    coordinates_ = step_->coordinates();
    written_ = 0;
    wanted = wanted_ == begins_;
  }
  if (wanted) return End(Preempted((*step)->step()));
  Feed(**step);
  Pump();
}

void StepStream::Feed(SessionStep& step) {
  v1::FloatFormat format = v1::FLOAT32;
  {
    MutexLock lock(mu_);
    format = begin_.gradient_format();
  }
  const absl::Status taken = step.Take(format, request_.gradient());
  if (!taken.ok()) return End(taken);
  ReadOn();
}

void StepStream::ReadOn() {
  MutexLock lock(mu_);
  if (!ended_) StartRead(&request_);
}

void StepStream::OnClientDone() {
  StepPointer step;
  {
    MutexLock lock(mu_);
    client_done_ = true;
    step = step_;
  }
  if (step == nullptr) return End(absl::OkStatus());
  if (step->taken() == step->coordinates()) return;
  End(context_.IsCancelled() ? absl::CancelledError("the call is over")
                             : GradientEndedEarly(*step));
}

void StepStream::OnWanted(int64_t begins) {
  StepPointer answered;
  absl::Status status;
  {
    MutexLock lock(mu_);
    if (begins != begins_) return;
    // Before OnBegun, which then ends the step; or after the answer.
    wanted_ = begins;
    if (step_ == nullptr) return;
    // The client may have the answer before OnWriteDone says so, and go on by
    // another call: the session is free for it, and the stream is not in its
    // way.
    if (written_ + writing_ == coordinates_) {
      answered = std::move(step_);
      return;
    }
    status = Preempted(begin_.step());
  }
  End(status);
}

void StepStream::Pump() {
  Chunk chunk = NextChunk();
  if (chunk.step == nullptr) return;
  response_.set_step(chunk.step->step());
  EncodeFloats(chunk.format,
               chunk.step->update().subspan(chunk.begin, chunk.size),
               *response_.mutable_update());
  // Before the client has the last of it and begins the next step.
  chunk.step.reset();
  metrics_.sent_bytes.Increment(static_cast<double>(response_.update().size()));
  metrics_.sent_chunks.Increment();
  StartWrite(&response_);
}

StepStream::Chunk StepStream::NextChunk() {
  MutexLock lock(mu_);
  if (step_ == nullptr || writing_ > 0) return {};
  const int64_t ready = step_->ready();
  const int64_t size = std::min<int64_t>(ready - written_, kChunkCoordinates);
  if (size < kChunkCoordinates && ready < step_->coordinates()) return {};
  writing_ = size;
  return {step_, begin_.update_format(), written_, size};
}

void StepStream::OnWriteDone(bool ok) {
  StepPointer answered;
  bool begin_waits = false, done = false, ended = false;
  absl::Status status;
  {
    MutexLock lock(mu_);
    written_ += std::exchange(writing_, 0);
    ended = ended_;
    status = status_;
    if (ok && written_ == coordinates_) {
      CountAnswered();
      answered = std::move(step_);
      begin_waits = std::exchange(begin_waits_, false);
      done = client_done_;
    }
  }
  answered.reset();
  if (ended) return Finish(ToGrpcStatus(status));
  if (!ok) return End(absl::CancelledError("the call is over"));
  if (begin_waits) return Begin();
  if (done) return End(absl::OkStatus());
  Pump();
}

void StepStream::CountAnswered() {
  metrics_.coordinates.Increment(static_cast<double>(written_));
  const std::chrono::duration<double> took = SteadyClock::now() - begun_;
  metrics_.duration.Observe(took.count());
}

void StepStream::End(const absl::Status& status) {
  StepPointer step;
  bool writing = false;
  {
    MutexLock lock(mu_);
    if (ended_) return;
    ended_ = true;
    status_ = status;
    step = std::move(step_);
    writing = writing_ > 0;
  }
  if (step != nullptr) step->Abandon();
  step.reset();  // the session is free before the client knows
  if (!status.ok() && !absl::IsCancelled(status)) metrics_.CountError(status);
  // Not while something is being written: OnWriteDone finishes then.
  if (!writing) Finish(ToGrpcStatus(status));
}

}  // namespace

grpc::ServerBidiReactor<v1::StepStreamRequest, v1::StepStreamResponse>*
ServeStepStream(const grpc::CallbackServerContext& context,
                SessionStore& sessions, StepMetrics& metrics) {
  return StepStream::Start(context, sessions, metrics);
}

}  // namespace metastep
