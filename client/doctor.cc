#include "client/doctor.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/child_process.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "client/local_cluster.h"
#include "client/progress.h"
#include "client/remote_optimizer.h"
#include "client/service_clients.h"
#include "client/state_folder.h"
#include "client/watch_run.h"
#include "optimizee/cifar.h"
#include "optimizee/image_dataset.h"
#include "optimizer/run_spec.h"
#include "rpc/channel.h"
#include "rpc/proto_time.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;
using Verdict = Finding::Verdict;

// A version takes no more than a line.
constexpr int64_t kMaxVersionBytes = 4096;
// What a round's transaction writes and syncs is smaller.
constexpr size_t kProbeBytes = 1 << 20;
// A round waits for the disk; at more than this, it is the disk that is slow.
constexpr absl::Duration kSlowWrite = absl::Seconds(1);
// Below it, snapshots of large models will soon not fit.
constexpr uintmax_t kLittleSpace = uintmax_t{1} << 30;
// Sessions and runs expire and are dated by the server's clock.
constexpr absl::Duration kMaxSkew = absl::Seconds(5);
// The server may be starting.
constexpr absl::Duration kServerPatience = absl::Seconds(5);

// The finding of a check that says what is good, or why it is not.
Finding From(const std::string& check, const absl::StatusOr<Finding>& found) {
  if (found.ok()) return *found;
  return {check, Verdict::kBad, std::string(found.status().message())};
}

// What `binary --version` prints.
absl::StatusOr<std::string> VersionOf(const fs::path& binary) {
  METASTEP_ASSIGN_OR_RETURN(const auto folder, StateFolder::Open(""));
  const fs::path output = folder->path() / "version";
  METASTEP_ASSIGN_OR_RETURN(const pid_t pid,
                            StartChild({binary, {"--version"}, output}));
  int status = 0;
  waitpid(pid, &status, 0);
  METASTEP_ASSIGN_OR_RETURN(const std::string text,
                            ReadFile(output, kMaxVersionBytes));
  if (status != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        binary.string(), " --version ", DescribeExit(status), ": ", text));
  }
  return std::string(absl::StripSuffix(text, "\n"));
}

absl::StatusOr<Finding> Programs(const fs::path& folder,
                                 absl::string_view version) {
  for (const char* name : {"metastep-server", "metastep-worker"}) {
    METASTEP_ASSIGN_OR_RETURN(const std::string said, VersionOf(folder / name));
    if (said != absl::StrCat(name, " ", version)) {
      return absl::FailedPreconditionError(absl::StrFormat(
          "%s is \"%s\", this command is %s; install both from one build",
          (folder / name).string(), said, version));
    }
  }
  return Finding{"programs", Verdict::kGood,
                 absl::StrCat("server and worker are in ", folder.string(),
                              ", version ", version)};
}

absl::StatusOr<Finding> Storage(const fs::path& folder) {
  METASTEP_RETURN_IF_ERROR(MakeFolder(folder));
  const fs::path probe = folder / "doctor-probe";
  const absl::Time start = absl::Now();
  METASTEP_RETURN_IF_ERROR(
      WriteFileAtomically(probe, std::string(kProbeBytes, 'x')));
  const absl::Duration took = absl::Now() - start;
  std::error_code ignored;  // it was just written
  fs::remove(probe, ignored);
  const uintmax_t space = fs::space(folder, ignored).available;
  const bool notable = took > kSlowWrite || space < kLittleSpace;
  return Finding{
      "storage", notable ? Verdict::kNote : Verdict::kGood,
      absl::StrFormat(
          "%s: 1 MiB written and synced in %s, %d MiB free", folder.string(),
          absl::FormatDuration(absl::Trunc(took, absl::Microseconds(100))),
          space >> 20)};
}

bool HasMnist(const fs::path& folder) {
  std::error_code error;
  const fs::path images = folder / "train-images-idx3-ubyte";
  return fs::exists(images, error) ||
         fs::exists(images.string() + ".gz", error);
}

absl::StatusOr<std::string> Mnist(const fs::path& folder) {
  METASTEP_ASSIGN_OR_RETURN(const ImageDataset training,
                            ReadImageDataset(folder, kTrainingSplit));
  METASTEP_ASSIGN_OR_RETURN(const ImageDataset test,
                            ReadImageDataset(folder, kTestSplit));
  return absl::StrFormat("%s has %d and %d images", folder.filename().string(),
                         training.images, test.images);
}

std::vector<fs::path> FoldersIn(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (fs::directory_iterator entry(folder, ignored), end; entry != end;
       entry.increment(ignored)) {
    if (entry->is_directory(ignored)) found.push_back(entry->path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

absl::StatusOr<Finding> Data(const fs::path& folder) {
  std::vector<std::string> read;
  for (const fs::path& dataset : FoldersIn(folder)) {
    if (HasMnist(dataset)) {
      METASTEP_ASSIGN_OR_RETURN(read.emplace_back(), Mnist(dataset));
    }
    const absl::StatusOr<ImageDataset> cifar = ReadCifar(dataset);
    if (absl::IsNotFound(cifar.status())) continue;
    METASTEP_RETURN_IF_ERROR(cifar.status());
    read.push_back(absl::StrFormat("%s has %d pictures",
                                   dataset.filename().string(), cifar->images));
  }
  if (read.empty()) {
    return Finding{
        "data", Verdict::kNote,
        absl::StrCat("no images in MNIST's or CIFAR-10's files below ",
                     folder.string(),
                     "; name their folder's folder by --data-dir, "
                     "if a run needs them")};
  }
  return Finding{"data", Verdict::kGood, absl::StrJoin(read, "; ")};
}

absl::StatusOr<Finding> Server(const std::string& address) {
  Cancellation cancellation;
  v1::HandDesignedSpec rule;
  rule.mutable_sgd()->set_learning_rate(1);
  v1::TensorSpec tensor;
  tensor.set_name("doctor");
  RemoteOptimizerOptions options;
  options.give_up_after = kServerPatience;
  const auto channel = MakeChannel(address);
  const absl::Time before = absl::Now();
  METASTEP_ASSIGN_OR_RETURN(
      RemoteOptimizer optimizer,
      RemoteOptimizer::Open(channel, rule, {tensor}, options));
  const absl::Time after = absl::Now();
  METASTEP_ASSIGN_OR_RETURN(const std::vector<float> update,
                            optimizer.Step(std::vector<float>{2}));
  if (update[0] != -2) {
    return absl::InternalError(absl::StrCat(
        address, " answered gradient 2 with ", update[0], ", not with -2"));
  }
  const absl::Time opened = FromTimestamp(optimizer.session().opened());
  METASTEP_RETURN_IF_ERROR(optimizer.Close());
  METASTEP_RETURN_IF_ERROR(CheckSameTime(address, opened, before, after));
  METASTEP_ASSIGN_OR_RETURN(const auto workers,
                            RunClient(channel, cancellation).ListWorkers());
  return Finding{"server", workers.empty() ? Verdict::kNote : Verdict::kGood,
                 absl::StrFormat("%s takes steps, and has %d workers", address,
                                 workers.size())};
}

// Binds what `address` stands for, and lets it go.
absl::StatusOr<Finding> Port(const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, ':');
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (parts.size() != 2 ||
      getaddrinfo(parts[0].c_str(), parts[1].c_str(), &hints, &found) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(address, " is no HOST:PORT of this host"));
  }
  absl::Cleanup free_found = [found] { freeaddrinfo(found); };
  const int descriptor =
      socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  absl::Cleanup close_it = [descriptor] { close(descriptor); };
  // As gRPC does: a port that a server has just left is free.
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (bind(descriptor, found->ai_addr, found->ai_addrlen) == 0) {
    return Finding{"port", Verdict::kGood,
                   absl::StrCat(address, " is free for a server")};
  }
  if (errno != EADDRINUSE) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no server can listen at ", address, ": ", std::strerror(errno)));
  }
  return Finding{"port", Verdict::kNote,
                 absl::StrCat(address,
                              " is taken; if by a server, look at it "
                              "by --server ",
                              address)};
}

absl::StatusOr<v1::RunSpec> SmallestSpec() {
  METASTEP_ASSIGN_OR_RETURN(v1::RunSpec spec, ParseRunSpec(R"(
      name: "doctor"
      task { square {} }
      training {
        rules { name: "linear" rule { lstm { initialization: ZEROS } } }
        unroll { horizon: 20 window: 5 }
        lanes: 1
        rounds: 8
      })"));
  return ResolveRunSpec(std::move(spec));
}

absl::StatusOr<Finding> DryRun(const fs::path& folder,
                               Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(const v1::RunSpec spec, SmallestSpec());
  METASTEP_ASSIGN_OR_RETURN(const auto state, StateFolder::Open(""));
  const absl::Time start = absl::Now();
  METASTEP_ASSIGN_OR_RETURN(
      const auto cluster,
      LocalCluster::Start({folder, state->path(), state->path(), /*workers=*/1},
                          cancellation));
  RunClient runs(MakeChannel(cluster->address()), cancellation);
  METASTEP_ASSIGN_OR_RETURN(const v1::Run run, runs.Create("doctor", spec));
  std::ostringstream unused;
  ProgressLine silent(ProgressLine::Style::kSilent, unused, Clock::Real());
  METASTEP_ASSIGN_OR_RETURN(const v1::Run ended,
                            WatchToEnd(runs, run.run_id(), silent));
  return Finding{
      "dry run", Verdict::kGood,
      absl::StrFormat("%d rounds by a server and a worker in %s", ended.done(),
                      absl::FormatDuration(absl::Trunc(
                          absl::Now() - start, absl::Milliseconds(10))))};
}

}  // namespace

Finding CheckPrograms(const fs::path& folder, absl::string_view version) {
  return From("programs", Programs(folder, version));
}

Finding CheckClock(absl::Time now) {
  // Of this program: no host is older.
  const absl::Time earliest =
      absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone());
  const std::string text = absl::FormatTime(now, absl::UTCTimeZone());
  if (now >= earliest) return {"clock", Verdict::kGood, text};
  return {"clock", Verdict::kBad, absl::StrCat(text, "; set it by NTP")};
}

Finding CheckStorage(const fs::path& folder) {
  return From("storage", Storage(folder));
}

Finding CheckData(const fs::path& folder) { return From("data", Data(folder)); }

Finding CheckPort(const std::string& address) {
  return From("port", Port(address));
}

absl::Status CheckSameTime(const std::string& address, absl::Time server,
                           absl::Time before, absl::Time after) {
  const absl::Duration ahead = server - after;
  const absl::Duration behind = before - server;
  const absl::Duration skew = std::max(ahead, behind);
  if (skew <= kMaxSkew) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrFormat(
      "the clock of %s is %s %s this host's; set both by NTP", address,
      absl::FormatDuration(absl::Trunc(skew, absl::Milliseconds(1))),
      ahead > behind ? "ahead of" : "behind"));
}

Finding CheckServer(const std::string& address) {
  return From("server", Server(address));
}

Finding CheckDryRun(const fs::path& folder, Cancellation& cancellation) {
  return From("dry run", DryRun(folder, cancellation));
}

}  // namespace metastep
