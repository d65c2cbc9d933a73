#include "client/progress.h"

#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/validation_text.h"

namespace metastep {
namespace {

// Back to the line's start; and erase what is left of a longer text before.
constexpr char kLineStart[] = "\r";
constexpr char kEraseToEnd[] = "\x1b[K";

// Of a search.
void AppendTrials(const v1::Run& run, std::string& text) {
  int ended = 0;
  for (const v1::Trial& trial : run.trials()) {
    if (trial.state() != v1::Run::RUNNING) ++ended;
  }
  absl::StrAppendFormat(&text, "  %d/%d trials ended", ended,
                        run.trials_size());
  if (run.has_best_validation()) {
    absl::StrAppend(&text, "  best validation ",
                    ValidationText(run, run.best_validation()));
  }
}

void AppendValidation(const v1::Run& run, std::string& text) {
  if (!run.has_latest_validation()) return;
  absl::StrAppend(&text, "  validation ",
                  ValidationText(run, run.latest_validation()), " (best ",
                  ValidationText(run, run.best_validation()), ")");
}

}  // namespace

ProgressLine::Style ProgressLine::StyleForStderr(bool quiet) {
  if (quiet) return Style::kSilent;
  const char* terminal = std::getenv("TERM");
  const bool rewrites = isatty(STDERR_FILENO) == 1 && terminal != nullptr &&
                        absl::string_view(terminal) != "dumb";
  return rewrites ? Style::kRewritten : Style::kLog;
}

ProgressLine::~ProgressLine() { Finish(); }

void ProgressLine::Show(absl::string_view text) {
  switch (style_) {
    case Style::kSilent:
      return;
    case Style::kRewritten:
      out_ << kLineStart << text << kEraseToEnd << std::flush;
      open_ = true;
      return;
    case Style::kLog:
      pending_ = std::string(text);
      if (clock_.Now() - written_ < kLogInterval) return;
      out_ << pending_ << std::endl;
      pending_.clear();
      written_ = clock_.Now();
  }
}

void ProgressLine::Finish() {
  if (!pending_.empty()) out_ << pending_ << std::endl;
  if (open_) out_ << std::endl;
  pending_.clear();
  open_ = false;
  written_ = absl::InfinitePast();
}

std::string FormatRunProgress(const v1::Run& run,
                              std::optional<absl::Duration> eta) {
  const bool training = run.spec().has_training();
  std::string text = absl::StrFormat("%s %d/%d", training ? "round" : "unroll",
                                     run.done(), run.total());
  if (!run.trials().empty()) {
    AppendTrials(run, text);
  } else if (training && run.done() > 0) {
    absl::StrAppendFormat(&text, "  outer loss %.4g", run.outer_loss());
  }
  AppendValidation(run, text);
  if (run.active_workers() > 0) {
    absl::StrAppendFormat(&text, "  %d worker%s", run.active_workers(),
                          run.active_workers() == 1 ? "" : "s");
  }
  if (eta) absl::StrAppend(&text, "  ETA ", absl::FormatDuration(*eta));
  return text;
}

std::optional<absl::Duration> EtaEstimator::Estimate(int64_t done,
                                                     int64_t total) {
  if (!first_done_) {
    first_done_ = done;
    first_time_ = clock_.Now();
  }
  if (done <= *first_done_ || done >= total) return std::nullopt;
  const absl::Duration pace =
      (clock_.Now() - first_time_) / static_cast<double>(done - *first_done_);
  return absl::Ceil(pace * static_cast<double>(total - done), absl::Seconds(1));
}

}  // namespace metastep
