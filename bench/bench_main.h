// The main() that all benchmarks share.
#ifndef METASTEP_BENCH_BENCH_MAIN_H_
#define METASTEP_BENCH_BENCH_MAIN_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "bench/report.h"

namespace metastep {

// The options that every benchmark takes.
struct BenchOptions {
  int repetitions = 7;  // rounds of Interleave, at least 5
  std::string python;   // interpreter of the peers; empty: the first that has
                        // what a peer needs
};

struct Bench {
  std::string name;         // as tools/bench takes it
  std::string description;  // for --help
  std::function<absl::Status(const BenchOptions&, Report&)> run;
  // Options of its own; may be empty.
  std::function<void(CLI::App&)> add_options = {};
};

// Parses the command line, runs the benchmark and prints its report. Returns
// main's status: 0; 1, with the error on stderr; 2 for wrong usage.
int BenchMain(const Bench& bench, int argc, char** argv);

}  // namespace metastep

#endif  // METASTEP_BENCH_BENCH_MAIN_H_
