// What an experiment gave, as a table, as JSON and as a page.
#ifndef METASTEP_CLIENT_EXPERIMENT_REPORT_H_
#define METASTEP_CLIENT_EXPERIMENT_REPORT_H_

#include <string>
#include <vector>

#include "client/comparison.h"
#include "client/experiment_verdict.h"
#include "client/picture_strip.h"
#include "metastep/v1/experiment.pb.h"
#include "metastep/v1/model.pb.h"

namespace metastep {

struct MeasuredPart {
  v1::ExperimentPart part;
  std::vector<v1::ModelInfo> models;  // the part's, in their order
  std::vector<ComparedRule> rules;    // the models first
  std::vector<Verdict> verdicts;
  std::vector<Picture> pictures;  // of neural art: before and after
};

struct ExperimentResult {
  std::string name;
  std::string title;
  std::string command;  // that gives it again
  std::string version;  // kBuildVersion of the program that measured
  // Of the figures, as seen from the page; empty: beside it.
  std::string figure_folder;
  std::vector<MeasuredPart> parts;
};

// "quadratic-uniform.png": experiment and part.
std::string FigureName(const std::string& experiment,
                       const v1::ExperimentPart& part);

// "art-new-style-64-pictures.png": of a part with pictures.
std::string PicturesName(const std::string& experiment,
                         const v1::ExperimentPart& part);

// The rules' table, and a line for each threshold.
std::string FormatMeasuredPart(const MeasuredPart& measured);

// {"experiment", "version", "parts": [{"name", "tasks", "steps", "seed",
// "models": {NAME: SHA-256 of phi}, "rules": {NAME: {"sum",
// "sum_half_width_95", "final", "final_half_width_95", "curve"}}, "verdicts":
// [{"claim", "measured", "limit", "holds"}]}]}. What is not finite is null.
std::string ExperimentJson(const ExperimentResult& result);

// A page in Markdown: command, version, seeds, models' SHA-256, tables, figures
// and pictures (by FigureName and PicturesName) and verdicts.
std::string ExperimentMarkdown(const ExperimentResult& result);

}  // namespace metastep

#endif  // METASTEP_CLIENT_EXPERIMENT_REPORT_H_
