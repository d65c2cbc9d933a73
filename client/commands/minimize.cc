// metastep minimize: problems on this side, optimizers on the server.
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "client/commands/comparison_output.h"
#include "client/commands/flags.h"
#include "client/comparison.h"
#include "client/progress.h"
#include "client/remote_evaluator.h"
#include "client/remote_optimizer.h"
#include "client/service_clients.h"
#include "client/spec_file.h"
#include "client/spec_kind.h"
#include "client/user_file.h"
#include "optimizee/closed_form.h"
#include "rpc/channel.h"

namespace metastep {
namespace {

struct MinimizeOptions {
  SpecFlags spec;
  ServerFlags server;
  ComparisonFlags comparison;
  OutputFlags output;
  bool baselines = false;
  RemoteOptimizerOptions session;
};

const std::map<std::string, v1::FloatFormat> kStateFormats = {
    {"float32", v1::FLOAT32}, {"bfloat16", v1::BFLOAT16}};
const std::map<std::string, v1::FloatFormat> kWireFormats = {
    {"float32", v1::FLOAT32},
    {"bfloat16", v1::BFLOAT16},
    {"float16", v1::FLOAT16}};

absl::StatusOr<std::unique_ptr<const TaskFamily>> FamilyOf(
    const v1::RunSpec& spec) {
  auto family = MakeClosedFormFamily(spec.task());
  if (family != nullptr) return family;
  return absl::InvalidArgumentError(absl::StrCat(
      "task ", TaskKind(spec.task()),
      " cannot be computed by this command, only square and quadratic can; "
      "metastep compare has workers compute it"));
}

absl::Status RunMinimize(const MinimizeOptions& options,
                         Cancellation& cancellation) {
  METASTEP_ASSIGN_OR_RETURN(
      const v1::RunSpec spec,
      LoadRunSpec(options.spec.path, options.spec.overrides));
  if (options.spec.print_config) {
    std::cout << FormatRunSpec(spec);
    return absl::OkStatus();
  }
  METASTEP_ASSIGN_OR_RETURN(const auto family, FamilyOf(spec));
  METASTEP_RETURN_IF_ERROR(CheckWritable(options.comparison.plot));
  const auto channel = MakeChannel(options.server.address);
  ModelClient model_client(channel, cancellation);
  METASTEP_ASSIGN_OR_RETURN(
      const auto models, FindModels(options.comparison.models, model_client));
  ProgressLine progress(ProgressLine::StyleForStderr(options.output.quiet),
                        std::cerr, Clock::Real());
  RemoteEvaluator evaluator(channel, *family, spec.seed(), progress,
                            cancellation, options.session);
  METASTEP_ASSIGN_OR_RETURN(
      const auto rules,
      Compare(evaluator, {models,
                          options.baselines ? HandDesignedRuleNames()
                                            : std::vector<std::string>(),
                          options.comparison.tuning_tasks,
                          options.comparison.tasks, options.comparison.steps}));
  return ShowComparison(rules, models, spec, options.comparison,
                        options.output.json);
}

}  // namespace

void AddMinimizeCommand(CLI::App& app, Command& command) {
  CLI::App* verb = app.add_subcommand(
      "minimize", "Minimise fresh problems here by steps taken on a server");
  const auto options = std::make_shared<MinimizeOptions>();
  AddSpecFlags(*verb, options->spec);
  AddServerFlags(*verb, options->server);
  AddComparisonFlags(*verb, options->comparison);
  AddOutputFlags(*verb, options->output);
  verb->get_option("--model")->required();
  verb->add_flag(
      "--baselines", options->baselines,
      "Also step the hand-designed rules, with tuned learning rates");
  verb->add_option("--state-format", options->session.state_format,
                   "How the server keeps optimizer state")
      ->transform(CLI::CheckedTransformer(kStateFormats))
      ->default_str("float32");
  verb->add_option("--wire-format", options->session.wire_format,
                   "How gradients and updates are sent")
      ->transform(CLI::CheckedTransformer(kWireFormats))
      ->default_str("float32");
  verb->footer(
      "Problems are of the SPEC's family: square or quadratic.\n\nExample:\n"
      "  metastep minimize specs/quadratic_gaussian.textproto --model "
      "quadratic_gaussian@best "
      "--baselines --plot curves.png");
  OnParse(*verb, command, options, &RunMinimize);
}

}  // namespace metastep
