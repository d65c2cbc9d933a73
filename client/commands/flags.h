// Flags that several verbs share.
#ifndef METASTEP_CLIENT_COMMANDS_FLAGS_H_
#define METASTEP_CLIENT_COMMANDS_FLAGS_H_

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "client/commands/commands.h"

namespace metastep {

// Makes parsing `verb` set `command` to `run` with these options.
template <typename Options>
void OnParse(CLI::App& verb, Command& command,
             const std::shared_ptr<Options>& options,
             absl::Status (*run)(const Options&, Cancellation&)) {
  verb.callback([&command, options, run] {
    command = [options, run](Cancellation& cancellation) {
      return run(*options, cancellation);
    };
  });
}

struct ServerFlags {
  std::string address = "127.0.0.1:7070";
};
// The environment's METASTEP_SERVER replaces the default that `flags` has.
void AddServerFlags(CLI::App& verb, ServerFlags& flags);

struct SpecFlags {
  std::string path;
  std::vector<std::string> overrides;
  bool print_config = false;
};
void AddSpecFlags(CLI::App& verb, SpecFlags& flags);

void AddJsonFlag(CLI::App& verb, bool& json);

// Of verbs that show progress.
struct OutputFlags {
  bool json = false;
  bool quiet = false;
};
void AddOutputFlags(CLI::App& verb, OutputFlags& flags);

struct ClusterFlags {
  int workers = 2;
  std::string data_dir = ".";
  std::string state_dir;  // empty: a temporary one
};
void AddClusterFlags(CLI::App& verb, ClusterFlags& flags);

struct ComparisonFlags {
  std::vector<std::string> models;
  int steps = 100;
  int tasks = 10;
  int tuning_tasks = 2;
  std::string plot;
  bool result = false;
};
void AddComparisonFlags(CLI::App& verb, ComparisonFlags& flags);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMMANDS_FLAGS_H_
