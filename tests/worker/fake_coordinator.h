// A coordinator that does what a test tells it, for workers in the same
// process.
#ifndef METASTEP_TESTS_WORKER_FAKE_COORDINATOR_H_
#define METASTEP_TESTS_WORKER_FAKE_COORDINATOR_H_

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "metastep/v1/coordinator_service.grpc.pb.h"

namespace metastep {

// Knows one worker at a time, the last that has registered, as "worker-1",
// "worker-2", .... Gives out the leases it is handed, once each, and answers
// FetchPhi with PhiAnswer. Every call is noted, and a test waits for calls,
// never for time. Thread-safe.
class FakeCoordinator final : public v1::CoordinatorService::Service {
 public:
  // What the next calls meet.
  void RefuseRegistration(absl::Status status);
  void AddLease(const v1::Lease& lease);
  // As AddLease, but with the answer to a submission that asks for a lease.
  void CarryLease(const v1::Lease& lease);
  // The next submissions are answered with these, in order, then ACCEPTED.
  void AnswerNextSubmission(absl::Status status);
  void AnswerNextSubmission(v1::SubmitResultResponse::Disposition disposition);
  // Called before the next submission is answered.
  void OnNextSubmission(std::function<void()> act);
  // FetchPhi waits from now on, until OpenGate.
  void ShutGate();
  void OpenGate();
  // As a server that has restarted: the worker is not known any more.
  void Forget();
  // Lets every call go that waits; call it before the server is destroyed.
  void Close();

  // All that has been asked so far.
  struct Log {
    std::vector<v1::RegisterWorkerRequest> registrations;
    std::vector<v1::LeaseShardRequest> polls;
    std::vector<v1::HeartbeatRequest> heartbeats;
    std::vector<v1::SubmitResultRequest> submissions;
    int fetches = 0;
  };
  // Waits until `done` holds of the log and returns it.
  Log Await(const std::function<bool(const Log&)>& done);
  Log AwaitSubmissions(size_t count);
  Log AwaitPolls(size_t count);

  grpc::Status RegisterWorker(grpc::ServerContext* context,
                              const v1::RegisterWorkerRequest* request,
                              v1::RegisterWorkerResponse* response) override;
  grpc::Status LeaseShard(grpc::ServerContext* context,
                          const v1::LeaseShardRequest* request,
                          v1::LeaseShardResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* context,
                         const v1::HeartbeatRequest* request,
                         v1::HeartbeatResponse* response) override;
  grpc::Status SubmitResult(grpc::ServerContext* context,
                            const v1::SubmitResultRequest* request,
                            v1::SubmitResultResponse* response) override;
  grpc::Status FetchPhi(grpc::ServerContext* context,
                        const v1::FetchPhiRequest* request,
                        v1::FetchPhiResponse* response) override;

 private:
  struct SubmissionAnswer {
    absl::Status status;
    v1::SubmitResultResponse::Disposition disposition;
  };

  Mutex mu_;
  CondVar changed_;
  Log log_ ABSL_GUARDED_BY(mu_);
  absl::Status registration_status_ ABSL_GUARDED_BY(mu_);
  std::string known_ ABSL_GUARDED_BY(mu_);  // empty: nobody
  std::deque<v1::Lease> leases_ ABSL_GUARDED_BY(mu_);
  std::deque<v1::Lease> carried_ ABSL_GUARDED_BY(mu_);
  std::function<void()> on_submission_ ABSL_GUARDED_BY(mu_);
  std::deque<SubmissionAnswer> submission_answers_ ABSL_GUARDED_BY(mu_);
  bool gate_open_ ABSL_GUARDED_BY(mu_) = true;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_WORKER_FAKE_COORDINATOR_H_
