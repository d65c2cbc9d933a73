// The verbs of `metastep`: each function adds its verbs to the app; parsing a
// verb sets `command` to what it does.
#ifndef METASTEP_CLIENT_COMMANDS_COMMANDS_H_
#define METASTEP_CLIENT_COMMANDS_COMMANDS_H_

#include <functional>

#include "absl/status/status.h"
#include "rpc/cancellation.h"

namespace CLI {
class App;
}  // namespace CLI

namespace metastep {

// Writes results to standard output. Its error becomes the exit code
// (exit_code.h).
using Command = std::function<absl::Status(Cancellation&)>;

void AddLocalCommand(CLI::App& app, Command& command);
void AddTrainCommand(CLI::App& app, Command& command);
void AddRunCommands(CLI::App& app, Command& command);  // runs, watch, workers
void AddModelCommands(CLI::App& app, Command& command);
void AddSessionsCommand(CLI::App& app, Command& command);
void AddHealthCommand(CLI::App& app, Command& command);
void AddCompareCommand(CLI::App& app, Command& command);
void AddMinimizeCommand(CLI::App& app, Command& command);
void AddReproduceCommand(CLI::App& app, Command& command);
void AddDoctorCommand(CLI::App& app, Command& command);
// completion, man: of the app as it is when they run.
void AddCompletionCommands(CLI::App& app, Command& command);

}  // namespace metastep

#endif  // METASTEP_CLIENT_COMMANDS_COMMANDS_H_
