// metastep models: the registry of trained update rules.
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "client/commands/flags.h"
#include "client/model_name.h"
#include "client/service_clients.h"
#include "client/user_file.h"
#include "optimizer/model_file.h"
#include "rpc/channel.h"
#include "rpc/message_json.h"

namespace metastep {
namespace {

// Flags of all of its verbs; each uses some.
struct ModelsOptions {
  ServerFlags server;
  bool json = false;
  std::string model;  // REF
  std::string file;
  std::string name;
  std::string label;
  bool remove = false;
};

ModelClient ClientFor(const ModelsOptions& options,
                      Cancellation& cancellation) {
  return ModelClient(MakeChannel(options.server.address), cancellation);
}

std::string FormatModelLine(const v1::ModelInfo& model) {
  std::string validation = "-";
  if (model.has_validation()) {
    validation = absl::StrFormat("%.4g", model.validation().final_loss());
  }
  return absl::StrFormat("%-24s  %s  %6d floats  validation %s  %s\n",
                         ModelName(model), model.phi_sha256(), model.phi_size(),
                         validation, absl::StrJoin(model.labels(), ","));
}

void Print(const v1::ModelInfo& model, const ModelsOptions& options) {
  std::cout << (options.json ? MessageJson(model) + "\n"
                             : FormatModelLine(model));
}

// Labels and deletions want a version; a REF without one means the newest.
absl::StatusOr<v1::ModelInfo> Resolve(const std::string& text,
                                      ModelClient& models) {
  METASTEP_ASSIGN_OR_RETURN(const v1::ModelRef ref, ParseModelRef(text));
  return models.Get(ref);
}

absl::Status RunList(const ModelsOptions& options, Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(const auto models,
                            ClientFor(options, cancellation).List());
  if (options.json) {
    std::cout << MessagesJson(models);
    return absl::OkStatus();
  }
  for (const v1::ModelInfo& model : models) Print(model, options);
  return absl::OkStatus();
}

absl::Status RunGet(const ModelsOptions& options, Cancellation& cancellation) {
  ModelClient models = ClientFor(options, cancellation);
  METASTEP_ASSIGN_OR_RETURN(const v1::ModelInfo model,
                            Resolve(options.model, models));
  Print(model, options);
  return absl::OkStatus();
}

absl::Status RunImport(const ModelsOptions& options,
                       Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(const std::string file,
                            ReadUserFile(options.file, kMaxModelBytes));
  METASTEP_ASSIGN_OR_RETURN(
      const v1::ModelInfo model,
      ClientFor(options, cancellation).Import(options.name, file));
  Print(model, options);
  return absl::OkStatus();
}

absl::Status RunExport(const ModelsOptions& options,
                       Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(const v1::ModelRef ref,
                            ParseModelRef(options.model));
  METASTEP_ASSIGN_OR_RETURN(const std::string file,
                            ClientFor(options, cancellation).Export(ref));
  return WriteUserFile(options.file, file);
}

absl::Status RunLabel(const ModelsOptions& options,
                      Cancellation& cancellation) {
  ModelClient models = ClientFor(options, cancellation);
  METASTEP_ASSIGN_OR_RETURN(const v1::ModelInfo model,
                            Resolve(options.model, models));
  METASTEP_ASSIGN_OR_RETURN(
      const v1::ModelInfo labelled,
      models.Label(PinnedRef(model), options.label, options.remove));
  Print(labelled, options);
  return absl::OkStatus();
}

absl::Status RunDelete(const ModelsOptions& options,
                       Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(const v1::ModelRef ref,
                            ParseModelRef(options.model));
  if (!ref.has_version()) {
    return absl::InvalidArgumentError(
        "delete needs a version, as in name@3: the newest is not meant by "
        "leaving it out");
  }
  return ClientFor(options, cancellation).Delete(ref);
}

// Adds one verb below `models`.
CLI::App& AddVerb(CLI::App& parent, Command& command, const char* name,
                  const char* help,
                  absl::Status (*run)(const ModelsOptions&, Cancellation&),
                  const std::shared_ptr<ModelsOptions>& options) {
  CLI::App* verb = parent.add_subcommand(name, help);
  AddServerFlags(*verb, options->server);
  AddJsonFlag(*verb, options->json);
  OnParse(*verb, command, options, run);
  return *verb;
}

void AddModel(CLI::App& verb, ModelsOptions& options) {
  verb.add_option("model", options.model, "name, name@version or name@label")
      ->type_name("REF")
      ->required();
}

}  // namespace

void AddModelCommands(CLI::App& app, Command& command) {
  CLI::App* models =
      app.add_subcommand("models", "List and manage trained update rules");
  models->footer(
      "Examples:\n"
      "  metastep models list\n"
      "  metastep models import lstm.safetensors --name lstm\n"
      "  metastep models label lstm@3 best\n"
      "  metastep models export lstm@best lstm.safetensors");
  const auto options = std::make_shared<ModelsOptions>();
  AddServerFlags(*models, options->server);
  AddJsonFlag(*models, options->json);
  models->require_subcommand(0, 1);
  models->callback([models, &command, options] {
    if (!models->get_subcommands().empty()) return;
    command = [options](Cancellation& cancellation) {
      return RunList(*options, cancellation);
    };
  });
  const auto add = [&](const char* name, const char* help,
                       auto run) -> CLI::App& {
    return AddVerb(*models, command, name, help, run, options);
  };

  add("list", "List all model versions", &RunList);
  AddModel(add("get", "Show one model version", &RunGet), *options);

  CLI::App& import = add("import", "Add a safetensors file", &RunImport);
  import.add_option("file", options->file, "The file")->required();
  import.add_option("--name", options->name, "Name to file it under")
      ->required();

  CLI::App& export_verb =
      add("export", "Write a model's safetensors file", &RunExport);
  AddModel(export_verb, *options);
  export_verb.add_option("file", options->file, "The file")->required();

  CLI::App& label = add("label", "Move a label to a version", &RunLabel);
  AddModel(label, *options);
  label.add_option("label", options->label, "The label")->required();
  label.add_flag("--remove", options->remove, "Take the label away instead");

  AddModel(add("delete", "Delete one version", &RunDelete), *options);
}

}  // namespace metastep
