#include "bench/bench_main.h"

#include <iostream>

#include "absl/strings/str_cat.h"

namespace metastep {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

void AddCommonOptions(CLI::App& app, BenchOptions& options) {
  app.add_option("--repetitions", options.repetitions,
                 "Rounds in which every contender is measured once; medians "
                 "are over these")
      ->check(CLI::Range(5, 1000))
      ->capture_default_str();
  app.add_option("--python", options.python,
                 "Interpreter of the Python peers. Default: the first of "
                 "build/peers/bin/python, python3 and /usr/bin/python3 that "
                 "has what a peer needs");
}

}  // namespace

int BenchMain(const Bench& bench, int argc, char** argv) {
  CLI::App app(bench.description);
  app.footer(absl::StrCat("Example:\n  tools/bench ", bench.name,
                          " --repetitions 9\n\nThe keys of the RESULT line are "
                          "explained in bench/README.md."));
  BenchOptions options;
  AddCommonOptions(app, options);
  if (bench.add_options) bench.add_options(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  Report report(bench.name, options.repetitions, std::cout);
  if (absl::Status status = bench.run(options, report); !status.ok()) {
    std::cerr << "bench-" << bench.name << ": " << status.message() << "\n";
    return kExitFailed;
  }
  report.Finish();
  return 0;
}

}  // namespace metastep
