// The limits and defaults of the update rules' specs, learned and
// hand-designed.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/model_file.h"
#include "optimizer/rule_factory.h"
#include "optimizer/spec_fields.h"
#include "optimizer/spec_resolve.h"

namespace metastep {
namespace {

// A spec of a cell with what the preset stands for.
template <class Cell>
Cell PresetOf(v1::LstmSpec::Preset preset) {
  Cell spec;
  if (preset == v1::LstmSpec::PRESET_UNSPECIFIED) return spec;
  spec.add_hidden(20);
  spec.add_hidden(20);
  if (preset == v1::LstmSpec::PAPER) {
    spec.mutable_preprocessing()->mutable_log_and_sign()->set_p(10);
    spec.set_output_scale(0.1);
  } else if (preset == v1::LstmSpec::DM) {
    spec.mutable_preprocessing()->mutable_log_and_sign()->set_p(5);
    spec.set_output_scale(0.01);
  }
  return spec;
}

// Replaces the preset by what it stands for, under what the spec itself says.
template <class Cell>
void ExpandPreset(Cell& spec) {
  Cell expanded = PresetOf<Cell>(spec.preset());
  if (!spec.hidden().empty()) expanded.clear_hidden();
  expanded.MergeFrom(spec);
  expanded.clear_preset();
  spec = std::move(expanded);
}

void Fill(v1::Preprocessing& spec, const SpecPlace& place) {
  if (spec.has_log_and_sign()) {
    SpecFields(*spec.mutable_log_and_sign(), place / "log_and_sign")
        .Real("p",
              {"above 0 and at most 30",
               [](double p) { return p > 0 && p <= 30; }},
              10);
  } else if (spec.has_moments()) {
    SpecFields fields(*spec.mutable_moments(), place / "moments");
    fields.Real("beta1", kBelowOne, 0.95);
    fields.Real("beta2", kBelowOne, 0.95);
  } else {
    spec.mutable_identity();
  }
}

// The fields that all cells have.
template <class Cell>
void FillCell(Cell& spec, SpecFields& fields, const SpecPlace& place) {
  fields.Enum("preset", v1::LstmSpec::PRESET_UNSPECIFIED);
  ExpandPreset(spec);
  fields.Integers("hidden", /*max_count=*/8, {1, 1024});
  Fill(*spec.mutable_preprocessing(), place / "preprocessing");
  fields.Real("output_scale", kNotZero, 1);
  fields.Enum("initialization", v1::LstmSpec::TRUNCATED_NORMAL);
}

void Fill(v1::LstmSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  FillCell(spec, fields, place);
  fields.Real("forget_bias", kAnyReal, 1);
}

// Without layers a cell would be no cell.
template <class Cell>
void FillHidden(Cell& spec) {
  if (!spec.hidden().empty()) return;
  spec.add_hidden(20);
  spec.add_hidden(20);
}

void Fill(v1::GruSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  FillHidden(spec);
  FillCell(spec, fields, place);
}

void Fill(v1::LmuSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  FillHidden(spec);
  FillCell(spec, fields, place);
  fields.Integer("memory_order", {1, 64}, 16);
  fields.Real("memory_length",
              {"from 1 to 10^6", [](double x) { return x >= 1 && x <= 1e6; }},
              100);
}

void Fill(v1::GroupRuleSpec& spec, const SpecPlace& place) {
  SpecFields(spec, place).Name("name");
  if (spec.parameters().empty()) spec.mutable_parameters()->Add("*");
  Fill(*spec.mutable_rule(), place / "rule");
}

// Opening a session matches every glob with every tensor's name; a client
// chooses both.
void CheckGlobs(const RuleSpecs& rules, const SpecPlace& place) {
  constexpr size_t kMaxCharacters = 2048;
  size_t characters = 0;
  for (const v1::GroupRuleSpec& rule : rules) {
    for (const std::string& glob : rule.parameters()) {
      characters += std::max<size_t>(glob.size(), 1);
    }
  }
  if (characters <= kMaxCharacters) return;
  place.problems->Add(
      (place / "rules").path,
      absl::StrCat("has parameters of ", characters,
                   " characters; must have at most ", kMaxCharacters));
}

// That the tensors' entries fit the header of a model file beside the spec,
// whose 64 KiB may be 896 KiB there: as JSON within JSON a byte has up to
// seven, and the rules stand there twice.
void CheckTensorBytes(const RuleSpecs& rules, const SpecPlace& place) {
  constexpr int64_t kMaxBytes = 120 << 10;
  constexpr int64_t kEntryBytes = 100;  // dtype, shape and offsets
  int64_t bytes = 0;
  for (const ParameterTensor& tensor : PhiTensors(rules)) {
    bytes += kEntryBytes + static_cast<int64_t>(tensor.name.size());
  }
  if (bytes <= kMaxBytes) return;
  place.problems->Add(
      (place / "rules").path,
      absl::StrCat("has tensors whose entries in a model file have ", bytes,
                   " bytes; must have at most ", kMaxBytes,
                   ": fewer rules or layers, or shorter names"));
}

}  // namespace

void Fill(v1::LearnedRuleSpec& spec, const SpecPlace& place) {
  if (!SpecFields(spec, place).Required("cell")) return;
  if (spec.has_lmu()) return Fill(*spec.mutable_lmu(), place / "lmu");
  if (spec.has_gru()) return Fill(*spec.mutable_gru(), place / "gru");
  Fill(*spec.mutable_lstm(), place / "lstm");
}

void Fill(v1::HandDesignedSpec& spec, const SpecPlace& place) {
  if (!SpecFields(spec, place).Required("rule")) return;
  const auto fill = [&place](google::protobuf::Message& rule,
                             absl::string_view name) {
    SpecFields fields(rule, place / name);
    fields.Real("learning_rate", kAtLeastZero);
    return fields;
  };
  switch (spec.rule_case()) {
    case v1::HandDesignedSpec::kSgd:
      fill(*spec.mutable_sgd(), "sgd");
      break;
    case v1::HandDesignedSpec::kMomentum:
      fill(*spec.mutable_momentum(), "momentum")
          .Real("momentum", kBelowOne, 0.9);
      break;
    case v1::HandDesignedSpec::kNag:
      fill(*spec.mutable_nag(), "nag").Real("momentum", kBelowOne, 0.9);
      break;
    case v1::HandDesignedSpec::kRmsprop: {
      SpecFields fields = fill(*spec.mutable_rmsprop(), "rmsprop");
      fields.Real("alpha", kBelowOne, 0.99);
      fields.Real("epsilon", kAboveZero, 1e-8);
      break;
    }
    case v1::HandDesignedSpec::kAdam: {
      SpecFields fields = fill(*spec.mutable_adam(), "adam");
      fields.Real("beta1", kBelowOne, 0.9);
      fields.Real("beta2", kBelowOne, 0.999);
      fields.Real("epsilon", kAboveZero, 1e-8);
      break;
    }
    case v1::HandDesignedSpec::RULE_NOT_SET:
      break;
  }
}

void Fill(RuleSpecs& rules, const SpecPlace& place) {
  if (rules.empty()) place.problems->Add((place / "rules").path, "has no rule");
  absl::flat_hash_set<std::string> names;
  for (int i = 0; i < rules.size(); ++i) {
    const SpecPlace rule = place.Element("rules", i);
    Fill(rules[i], rule);
    if (!names.insert(rules[i].name()).second) {
      place.problems->Add((rule / "name").path,
                          absl::StrCat("is \"", Shown(rules[i].name()),
                                       "\", which an earlier rule has"));
    }
  }
  if (!place.problems->empty()) return;
  const int64_t phi_size = PhiSize(rules);
  if (phi_size > kMaxPhiSize) {
    place.problems->Add(
        (place / "rules").path,
        absl::StrCat("has ", phi_size, " meta-parameters; must have at most ",
                     kMaxPhiSize, ", what a model file holds"));
    return;
  }
  CheckTensorBytes(rules, place);
  CheckGlobs(rules, place);
}

}  // namespace metastep
