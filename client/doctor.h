// What `metastep doctor` looks at before somebody loses time over it.
#ifndef METASTEP_CLIENT_DOCTOR_H_
#define METASTEP_CLIENT_DOCTOR_H_

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rpc/cancellation.h"

namespace metastep {

// What one check found.
struct Finding {
  enum class Verdict { kGood, kNote, kBad };
  std::string check;  // "storage"
  Verdict verdict;
  std::string detail;  // with the fix, if it is bad
};

// metastep-server and metastep-worker are in `folder` and of this version, as
// kBuildVersion writes it.
Finding CheckPrograms(const std::filesystem::path& folder,
                      absl::string_view version);

// The system's time is one that it could be.
Finding CheckClock(absl::Time now);

// A server could keep its state in `folder`: it can be written, soon enough,
// and has room. The folder is made if need be.
Finding CheckStorage(const std::filesystem::path& folder);

// The data sets in MNIST's and CIFAR-10's files that `folder` holds can be
// read.
Finding CheckData(const std::filesystem::path& folder);

// `address` ("127.0.0.1:7070") is free for a server; a note if it is taken, a
// fault if none could listen there.
Finding CheckPort(const std::string& address);

// The server at `address`, which gave `server` as the time of something that it
// did from `before` to `after` by this host's clock, has the same time as it,
// to some seconds. Errors: FailedPrecondition.
absl::Status CheckSameTime(const std::string& address, absl::Time server,
                           absl::Time before, absl::Time after);

// A server answers at `address`, takes a step, and has the same time as this
// host.
Finding CheckServer(const std::string& address);

// The programs in `folder` train on the smallest problem there is, on free
// ports. REQUIRES: as LocalCluster.
Finding CheckDryRun(const std::filesystem::path& folder,
                    Cancellation& cancellation);

}  // namespace metastep

#endif  // METASTEP_CLIENT_DOCTOR_H_
