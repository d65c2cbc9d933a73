#include "tests/worker/fake_coordinator.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/status_conversion.h"
#include "tests/worker/specs.h"

namespace metastep {
namespace {

// Short, so that a test that waits for a heartbeat takes milliseconds.
constexpr int kHeartbeatNanos = 10'000'000;

grpc::Status UnknownWorker() {
  return {grpc::StatusCode::NOT_FOUND, "no such worker; register again"};
}

}  // namespace

void FakeCoordinator::RefuseRegistration(absl::Status status) {
  MutexLock lock(mu_);
  registration_status_ = std::move(status);
}

void FakeCoordinator::AddLease(const v1::Lease& lease) {
  MutexLock lock(mu_);
  leases_.push_back(lease);
  changed_.NotifyAll();
}

void FakeCoordinator::CarryLease(const v1::Lease& lease) {
  MutexLock lock(mu_);
  carried_.push_back(lease);
}

void FakeCoordinator::OnNextSubmission(std::function<void()> act) {
  MutexLock lock(mu_);
  on_submission_ = std::move(act);
}

void FakeCoordinator::AnswerNextSubmission(absl::Status status) {
  MutexLock lock(mu_);
  submission_answers_.push_back({std::move(status), {}});
}

void FakeCoordinator::AnswerNextSubmission(
    v1::SubmitResultResponse::Disposition disposition) {
  MutexLock lock(mu_);
  submission_answers_.push_back({absl::OkStatus(), disposition});
}

void FakeCoordinator::ShutGate() {
  MutexLock lock(mu_);
  gate_open_ = false;
}

void FakeCoordinator::OpenGate() {
  MutexLock lock(mu_);
  gate_open_ = true;
  changed_.NotifyAll();
}

void FakeCoordinator::Forget() {
  MutexLock lock(mu_);
  known_.clear();
  changed_.NotifyAll();
}

void FakeCoordinator::Close() {
  MutexLock lock(mu_);
  closed_ = true;
  changed_.NotifyAll();
}

FakeCoordinator::Log FakeCoordinator::Await(
    const std::function<bool(const Log&)>& done) {
  MutexLock lock(mu_);
  while (!done(log_)) changed_.Wait(mu_);
  return log_;
}

FakeCoordinator::Log FakeCoordinator::AwaitSubmissions(size_t count) {
  return Await(
      [count](const Log& log) { return log.submissions.size() >= count; });
}

FakeCoordinator::Log FakeCoordinator::AwaitPolls(size_t count) {
  return Await([count](const Log& log) { return log.polls.size() >= count; });
}

grpc::Status FakeCoordinator::RegisterWorker(
    grpc::ServerContext*, const v1::RegisterWorkerRequest* request,
    v1::RegisterWorkerResponse* response) {
  MutexLock lock(mu_);
  log_.registrations.push_back(*request);
  changed_.NotifyAll();
  if (!registration_status_.ok()) return ToGrpcStatus(registration_status_);
  known_ = absl::StrCat("worker-", log_.registrations.size());
  response->set_worker_id(known_);
  response->mutable_heartbeat_interval()->set_nanos(kHeartbeatNanos);
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::LeaseShard(grpc::ServerContext* context,
                                         const v1::LeaseShardRequest* request,
                                         v1::LeaseShardResponse* response) {
  MutexLock lock(mu_);
  log_.polls.push_back(*request);
  changed_.NotifyAll();
  while (request->worker_id() == known_ && leases_.empty() && !closed_) {
    changed_.Wait(mu_);
  }
  if (request->worker_id() != known_) return UnknownWorker();
  // A worker that went away takes no lease with it.
  if (leases_.empty() || context->IsCancelled()) return grpc::Status::OK;
  *response->mutable_lease() = std::move(leases_.front());
  leases_.pop_front();
  return grpc::Status::OK;
}

grpc::Status FakeCoordinator::Heartbeat(grpc::ServerContext*,
                                        const v1::HeartbeatRequest* request,
                                        v1::HeartbeatResponse*) {
  MutexLock lock(mu_);
  log_.heartbeats.push_back(*request);
  changed_.NotifyAll();
  return request->worker_id() == known_ ? grpc::Status::OK : UnknownWorker();
}

grpc::Status FakeCoordinator::SubmitResult(
    grpc::ServerContext*, const v1::SubmitResultRequest* request,
    v1::SubmitResultResponse* response) {
  MutexLock lock(mu_);
  log_.submissions.push_back(*request);
  changed_.NotifyAll();
  response->set_disposition(v1::SubmitResultResponse::ACCEPTED);
  if (const auto act = std::exchange(on_submission_, nullptr)) act();
  if (request->has_next() && !carried_.empty()) {
    *response->mutable_next_lease() = std::move(carried_.front());
    carried_.pop_front();
  }
  if (submission_answers_.empty()) return grpc::Status::OK;
  const SubmissionAnswer answer = std::move(submission_answers_.front());
  submission_answers_.pop_front();
  response->set_disposition(answer.disposition);
  return ToGrpcStatus(answer.status);
}

grpc::Status FakeCoordinator::FetchPhi(grpc::ServerContext*,
                                       const v1::FetchPhiRequest* request,
                                       v1::FetchPhiResponse* response) {
  MutexLock lock(mu_);
  ++log_.fetches;
  changed_.NotifyAll();
  while (!gate_open_ && !closed_) changed_.Wait(mu_);
  *response = PhiAnswer(request->run().phi_version());
  return grpc::Status::OK;
}

}  // namespace metastep
