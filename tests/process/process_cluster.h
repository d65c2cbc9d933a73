// A server and workers as real processes on loopback.
#ifndef METASTEP_TESTS_PROCESS_PROCESS_CLUSTER_H_
#define METASTEP_TESTS_PROCESS_PROCESS_CLUSTER_H_

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "metastep/v1/run_service.grpc.pb.h"
#include "tests/support/child_process.h"

namespace metastep {

// Fails the test where a process does not come up. Not thread-safe.
class ProcessCluster {
 public:
  // The lease is short, so that a lost worker costs a test little.
  static constexpr char kLeaseDuration[] = "1s";

  // Starts a server in a new state folder named after the running test.
  // `flags` are for it and for the workers.
  explicit ProcessCluster(std::vector<std::string> flags = {});
  ~ProcessCluster();

  const std::string& address() const { return address_; }
  const std::filesystem::path& state_dir() const { return state_dir_; }
  ChildProcess& server() { return *server_; }
  ChildProcess& worker(size_t i) { return *workers_[i]; }
  v1::RunService::Stub& runs() { return *runs_; }

  // Starts a worker with one slot and waits until it is registered.
  void AddWorker();
  // SIGKILLs the server and starts it again on the same port and folder.
  void KillAndRestartServer();
  // Of a path at the server's HTTP port.
  std::string HttpUrl(const std::string& path) const;
  // What the server's HTTP port answers to GET.
  std::string Http(const std::string& path) const;

  std::string CreateRun(const v1::RunSpec& spec);
  // Watches the run to its end; `seen` is called with every state that comes.
  // Goes on through a restart of the server.
  v1::Run Watch(const std::string& run_id,
                const std::function<void(const v1::Run&)>& seen);

 private:
  void StartServer(int port);

  // Starts a program with the flags that all have.
  std::unique_ptr<ChildProcess> StartProgram(
      std::vector<std::string> argv) const;

  const std::filesystem::path state_dir_;
  const std::vector<std::string> flags_;
  std::string address_;
  int port_ = 0;
  int http_port_ = 0;
  std::unique_ptr<ChildProcess> server_;
  std::vector<std::unique_ptr<ChildProcess>> workers_;
  std::unique_ptr<v1::RunService::Stub> runs_;
};

}  // namespace metastep

#endif  // METASTEP_TESTS_PROCESS_PROCESS_CLUSTER_H_
