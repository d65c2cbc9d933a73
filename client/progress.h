// Progress for people, on standard error.
#ifndef METASTEP_CLIENT_PROGRESS_H_
#define METASTEP_CLIENT_PROGRESS_H_

#include <optional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "metastep/v1/run_service.pb.h"

namespace metastep {

// One line of changing text. Plain ASCII without colours. Not thread-safe.
class ProgressLine {
 public:
  enum class Style {
    kSilent,
    kRewritten,  // a terminal: the line is written over itself
    kLog,        // a file: a new line, at most every kLogInterval
  };
  static constexpr absl::Duration kLogInterval = absl::Seconds(5);

  // The style that suits standard error.
  static Style StyleForStderr(bool quiet);

  // `out` and `clock` must outlive it.
  ProgressLine(Style style, std::ostream& out, const Clock& clock)
      : style_(style), out_(out), clock_(clock) {}
  // Finishes.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(absl::string_view text);
  // Leaves the last text standing; the next Show starts a new line.
  void Finish();

 private:
  const Style style_;
  std::ostream& out_;
  const Clock& clock_;
  std::string pending_;  // shown last but not written yet
  bool open_ = false;    // a rewritten line is on the terminal
  absl::Time written_ = absl::InfinitePast();
};

// What a run has come to, e.g. "round 120/1000  outer loss 0.41  validation
// 0.38 (best 0.35)  2 workers  ETA 1m20s".
std::string FormatRunProgress(const v1::Run& run,
                              std::optional<absl::Duration> eta);

// Estimates when work in equal units ends, from the pace since it was first
// asked. Not thread-safe.
class EtaEstimator {
 public:
  explicit EtaEstimator(const Clock& clock) : clock_(clock) {}

  // Unset until a unit has been done under its eyes, and once all are.
  std::optional<absl::Duration> Estimate(int64_t done, int64_t total);

 private:
  const Clock& clock_;
  std::optional<int64_t> first_done_;
  absl::Time first_time_;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_PROGRESS_H_
