// metastep sessions: who is being stepped, and what was saved of it.
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "client/commands/flags.h"
#include "client/service_clients.h"
#include "client/spec_kind.h"
#include "rpc/channel.h"
#include "rpc/message_json.h"

namespace metastep {
namespace {

struct SessionsOptions {
  ServerFlags server;
  std::string snapshot_to_delete;  // empty: none, list the sessions
  bool json = false;
};

std::string OptimizerOf(const v1::Session& session) {
  return session.has_model() ? absl::StrCat(session.model().name(), "@",
                                            session.model().version())
                             : RuleKind(session.hand_designed());
}

absl::Status RunSessions(const SessionsOptions& options,
                         Cancellation& cancellation) {
  const auto channel = MakeChannel(options.server.address);
  if (!options.snapshot_to_delete.empty()) {
    return DeleteSnapshot(channel, options.snapshot_to_delete, cancellation);
  }
  METASTEP_ASSIGN_OR_RETURN(const auto sessions,
                            ListSessions(channel, cancellation));
  if (options.json) {
    std::cout << MessagesJson(sessions);
    return absl::OkStatus();
  }
  for (const v1::Session& session : sessions) {
    std::cout << absl::StrFormat(
        "%s  %-24s  %d coordinates  %d bytes  next step %d\n",
        session.session_id(), OptimizerOf(session), session.coordinates(),
        session.state_bytes(), session.next_step());
  }
  return absl::OkStatus();
}

}  // namespace

void AddSessionsCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "sessions", "List the open sessions of a server, oldest first");
  const auto options = std::make_shared<SessionsOptions>();
  AddServerFlags(*verb, options->server);
  AddJsonFlag(*verb, options->json);
  verb->add_option("--delete-snapshot", options->snapshot_to_delete,
                   "Delete what SaveSession wrote, instead of listing")
      ->type_name("SNAPSHOT_ID");
  verb->footer("Example:\n  metastep sessions --server 127.0.0.1:7070");
  OnParse(*verb, command, options, &RunSessions);
}

}  // namespace metastep
