// A server and its workers as child processes on the loopback interface.
#ifndef METASTEP_CLIENT_LOCAL_CLUSTER_H_
#define METASTEP_CLIENT_LOCAL_CLUSTER_H_

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/child_process.h"
#include "base/mutex.h"
#include "rpc/cancellation.h"

namespace metastep {

struct LocalClusterOptions {
  // Holds metastep-server and metastep-worker.
  std::filesystem::path binaries;
  // The server's; the children's logs go to its folder "logs".
  std::filesystem::path state_dir;
  // The workers' data sets.
  std::filesystem::path data_dir;
  int workers = 2;
};

// Runs from Start to destruction, which stops the children: SIGTERM, and
// SIGKILL to one that has not ended some seconds later.
//
// A worker that dies is replaced, some times over all; if that does not help,
// or if the server dies, the cancellation is told, with the exit code and the
// end of the child's log. REQUIRES: the process has no other children.
// Thread-safe.
class LocalCluster {
 public:
  // `cancellation` must outlive it. Errors: FailedPrecondition: a program
  // cannot be started, or the server ended or said nothing; the message has the
  // end of its log.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Start(
      const LocalClusterOptions& options, Cancellation& cancellation);
  ~LocalCluster();

  // "127.0.0.1:port" of the server.
  const std::string& address() const { return address_; }

 private:
  struct Child {
    std::string name;  // "server", "worker-0"
    ChildCommand command;
  };

  LocalCluster(const LocalClusterOptions& options, Cancellation& cancellation)
      : options_(options), cancellation_(cancellation) {}

  absl::Status StartServer();
  absl::Status StartWorkers();
  Child WorkerChild(int index) const;

  absl::Status Launch(Child child) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Until there are no children: notices their ends.
  void Supervise();
  void OnExit(const Child& child, int wait_status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends the children whose name starts with `prefix`.
  void Stop(const std::string& prefix);
  void Signal(const std::string& prefix, int signal)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False: some are left after a while.
  bool WaitForEnd(const std::string& prefix) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AnyLeft(const std::string& prefix) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const LocalClusterOptions options_;
  Cancellation& cancellation_;
  std::string address_;  // constant after Start

  Mutex mu_;
  CondVar child_ended_;
  std::map<pid_t, Child> children_ ABSL_GUARDED_BY(mu_);  // not yet reaped
  int replacements_left_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread supervisor_;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_LOCAL_CLUSTER_H_
