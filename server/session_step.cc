#include "server/session_step.h"

#include <bit>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/half_floats.h"
#include "base/status_macros.h"
#include "rpc/error_reason.h"
#include "rpc/float_format.h"

namespace metastep {
namespace {

// Up to so many coordinates are computed by the thread that brings the
// gradient: 0.1 to 0.2 ms of the 2x20 LSTM, where waking another thread costs
// 0.05 ms.
constexpr int64_t kInlineCoordinates = 1024;

absl::Status NotFinite(const CoordinatePlace& place, float value) {
  return WithReason(
      absl::InvalidArgumentError(absl::StrFormat(
          "gradient of tensor \"%s\" is %f at offset %d; leave this step out, "
          "or send it with a finite gradient",
          place.tensor, value, place.offset)),
      kReasonGradientNotFinite,
      {{"tensor", place.tensor}, {"offset", absl::StrCat(place.offset)}});
}

// Without an early return, so that the compiler makes vectors of it.
bool AllFinite(absl::Span<const float> floats) {
  bool all = true;
  for (const float value : floats) {
    all &= (std::bit_cast<uint32_t>(value) & kFloatInfinity) != kFloatInfinity;
  }
  return all;
}

}  // namespace

absl::Status Preempted(int64_t step) {
  return WithReason(
      absl::AbortedError(absl::StrFormat(
          "another call uses the session; send step %d again, or leave the "
          "session to it",
          step)),
      kReasonStepPreempted);
}

SessionStep::SessionStep(std::shared_ptr<SessionCore> core, int64_t step,
                         Listener listener)
    : core_(std::move(core)),
      step_(step),
      repeated_(step != core_->next_step),
      listener_(std::move(listener)) {
  MutexLock lock(mu_);
  done_.resize(core_->tasks.size());
  if (repeated_) {
    update_ = core_->update;
    taken_ = coordinates();
    certain_ = true;
    started_ = done_before_ = done_.size();
  } else {
    core_->pending.resize(static_cast<size_t>(coordinates()));
    update_ = core_->pending;
  }
}

SessionStep::~SessionStep() {
  {
    MutexLock lock(mu_);
    for (const Undo& undo : undo_) {
      core_->state.SetBytes(undo.state_begin, undo.bytes);
    }
    FreeUndo();
  }
  core_->turn.GiveBack();
}

absl::Status SessionStep::Take(v1::FloatFormat format,
                               absl::string_view gradient) {
  const int64_t begin = taken();
  if (repeated_) return absl::OkStatus();
  METASTEP_RETURN_IF_ERROR(CheckSize(format, gradient));
  // Then it is empty, and what is `pending` may be another step's already.
  if (begin == coordinates()) return absl::OkStatus();
  const int64_t size =
      static_cast<int64_t>(gradient.size()) / BytesPerFloat(format);
  DecodeFloats(format, gradient,
               absl::MakeSpan(core_->pending).subspan(begin, size));
  METASTEP_RETURN_IF_ERROR(CheckFinite(begin, size));
  std::pair<size_t, size_t> tasks;
  {
    MutexLock lock(mu_);
    if (abandoned_) return Preempted(step_);
    taken_ = begin + size;
    certain_ = taken_ == coordinates();
    tasks = NextTasks();
    if (certain_) FreeUndo();
  }
  for (size_t task = tasks.first; task < tasks.second; ++task) Start(task);
  return absl::OkStatus();
}

absl::Status SessionStep::CheckSize(v1::FloatFormat format,
                                    absl::string_view gradient) const {
  const int64_t bytes = BytesPerFloat(format);
  const auto size = static_cast<int64_t>(gradient.size());
  const int64_t left = (coordinates() - taken()) * bytes;
  if (size % bytes == 0 && size <= left) return absl::OkStatus();
  return WithReason(
      absl::InvalidArgumentError(absl::StrFormat(
          "gradient has %d bytes; the coordinates that are left need %d, of %d "
          "each: send every tensor, in the order in which the session was "
          "opened",
          size, left, bytes)),
      kReasonGradientShape);
}

absl::Status SessionStep::CheckFinite(int64_t begin, int64_t size) const {
  const auto gradient =
      absl::MakeConstSpan(core_->pending).subspan(begin, size);
  if (AllFinite(gradient)) return absl::OkStatus();
  int64_t i = 0;
  while (std::isfinite(gradient[i])) ++i;
  return NotFinite(core_->layout.Place(begin + i), gradient[i]);
}

std::pair<size_t, size_t> SessionStep::NextTasks() {
  const std::vector<StepTask>& tasks = core_->tasks;
  const size_t first = started_;
  while (started_ < tasks.size() && tasks[started_].end() <= taken_ &&
         (certain_ || ReserveUndo(tasks[started_]))) {
    ++started_;
  }
  return {first, started_};
}

bool SessionStep::ReserveUndo(const StepTask& task) {
  const auto bytes = static_cast<int64_t>(
      core_->state.bytes(task.state_begin(), task.state_size()).size());
  if (!core_->resources.undo.TryTake(bytes)) return false;
  undo_reserved_ += bytes;
  return true;
}

void SessionStep::FreeUndo() {
  undo_.clear();
  core_->resources.undo.GiveBack(std::exchange(undo_reserved_, 0));
}

void SessionStep::Start(size_t task) {
  if (coordinates() <= kInlineCoordinates) return Run(task);
  core_->resources.pool.Schedule(
      core_.get(), [self = shared_from_this(), task] { self->Run(task); });
}

void SessionStep::Run(size_t task) {
  if (!Prepare(core_->tasks[task])) return;
  Compute(core_->tasks[task]);
  const auto [before, ready] = MarkDone(task);
  if (listener_ && ready > before) listener_(*this, ready);
}

bool SessionStep::Prepare(const StepTask& task) {
  {
    MutexLock lock(mu_);
    if (abandoned_) return false;
    if (certain_) return true;
  }
  Undo undo = {task.state_begin(), std::string(core_->state.bytes(
                                       task.state_begin(), task.state_size()))};
  MutexLock lock(mu_);
  if (!certain_) undo_.push_back(std::move(undo));
  return true;
}

void SessionStep::Compute(const StepTask& task) {
  // The update takes the gradient's place.
  float* const pending = core_->pending.data();
  const std::vector<float> gradient(pending + task.begin(),
                                    pending + task.end());
  for (const StepRange& range : task.ranges) {
    core_->state.Step(range, step_,
                      absl::MakeConstSpan(gradient).subspan(
                          range.begin - task.begin(), range.size),
                      {pending + range.begin, static_cast<size_t>(range.size)});
  }
}

std::pair<int64_t, int64_t> SessionStep::MarkDone(size_t task) {
  MutexLock lock(mu_);
  const int64_t before = Ready();
  done_[task] = true;
  while (done_before_ < done_.size() && done_[done_before_]) ++done_before_;
  if (done_before_ == done_.size()) Commit();
  return {before, Ready()};
}

void SessionStep::Commit() {
  std::swap(core_->update, core_->pending);
  core_->next_step = step_ + 1;
}

void SessionStep::Abandon() {
  {
    MutexLock lock(mu_);
    abandoned_ = !certain_;
    if (undo_.empty()) return;
  }
  core_->resources.pool.Schedule(core_.get(), [self = shared_from_this()] {});
}

int64_t SessionStep::taken() const {
  MutexLock lock(mu_);
  return taken_;
}

int64_t SessionStep::ready() const {
  MutexLock lock(mu_);
  return Ready();
}

int64_t SessionStep::Ready() const {
  return done_before_ == 0 ? 0 : core_->tasks[done_before_ - 1].end();
}

}  // namespace metastep
