// The limits and defaults of tasks' specs.
#include <algorithm>
#include <cstdint>
#include <set>

#include "absl/strings/str_cat.h"
#include "metastep/v1/spec.pb.h"
#include "optimizer/spec_fields.h"
#include "optimizer/spec_resolve.h"

namespace metastep {
namespace {

// Of CIFAR-10.
constexpr int kClasses = 10;

// Elements of all W of one quadratic task: 40 MB as float, and as much again
// for the transposes.
constexpr int64_t kMaxQuadraticElements = 10'000'000;
constexpr IntegerLimit kDimensions{1, 1000};
constexpr IntegerLimit kProblems{1, 10000};

void Fill(v1::QuadraticSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Enum("distribution");
  fields.Integer("dimensions", kDimensions, 10);
  fields.Integer("problems", kProblems, 128);
  // What is beyond a limit is a problem already, and must not overflow.
  const int64_t dimensions =
      std::clamp<int64_t>(spec.dimensions(), 0, kDimensions.max);
  const int64_t elements =
      dimensions * dimensions *
      std::clamp<int64_t>(spec.problems(), 0, kProblems.max);
  if (elements > kMaxQuadraticElements) {
    place.problems->Add(
        (place / "problems").path,
        absl::StrCat("times dimensions squared is ", elements,
                     "; must be at most ", kMaxQuadraticElements));
  }
  const bool uniform = spec.distribution() == v1::QuadraticSpec::UNIFORM;
  fields.Real("initial_stddev", kAtLeastZero, uniform ? 0.01 : 0.0);
}

void Fill(v1::MlpSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  if (spec.hidden().empty()) spec.add_hidden(20);
  fields.Integers("hidden", /*max_count=*/16, {1, 4096});
  fields.Enum("activation", v1::MlpSpec::SIGMOID);
  fields.Name("dataset", "mnist");
  fields.Integer("batch_size", {1, 60000}, 128);
  fields.Real("initial_stddev", kAtLeastZero, 0.01);
}

// The classes: 0 to 9 where none are named.
void FillLabels(v1::ConvNetSpec& spec, SpecFields& fields) {
  if (spec.labels().empty()) {
    for (int label = 0; label < kClasses; ++label) spec.add_labels(label);
  }
  fields.Integers("labels", kClasses, {0, kClasses - 1});
  const std::set<int> unique(spec.labels().begin(), spec.labels().end());
  if (spec.labels_size() < 2 ||
      static_cast<int>(unique.size()) < spec.labels_size()) {
    fields.Problem("labels", "must be at least 2, each named once");
  }
}

void Fill(v1::ConvNetSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Name("dataset", "cifar10");
  FillLabels(spec, fields);
  fields.Integer("batch_size", {1, 60000}, 128);
  if (spec.channels().empty()) {
    for (int i = 0; i < 3; ++i) spec.add_channels(16);
  }
  fields.Integers("channels", /*max_count=*/5, {1, 512});
  fields.Integer("hidden", {1, 4096}, 32);
  fields.Real("initial_stddev", kAtLeastZero, 0.01);
}

// A style is an image file or a texture.
void CheckStyle(const v1::ArtSpec& spec, SpecFields& fields) {
  fields.Integer("texture", {0, 1000});
  if (spec.style().empty()) return;
  fields.Path("style");
  if (spec.texture() != 0) {
    fields.Problem("texture",
                   absl::StrCat("is ", spec.texture(),
                                ", and style names an image: leave one out"));
  }
}

// At the start each of the three terms is about 1, then, with random filters.
void Fill(v1::ArtSpec& spec, const SpecPlace& place) {
  SpecFields fields(spec, place);
  fields.Integer("size", {16, 512}, 64);
  if (!spec.content().empty()) fields.Name("content");
  CheckStyle(spec, fields);
  if (!spec.features().empty()) fields.Path("features");
  fields.Real("content_weight", kAtLeastZero, 1.0);
  fields.Real("style_weight", kAtLeastZero, 1.0);
  fields.Real("variation_weight", kAtLeastZero, 25.0);
}

}  // namespace

void Fill(v1::TaskSpec& spec, const SpecPlace& place) {
  if (!SpecFields(spec, place).Required("task")) return;
  if (spec.has_quadratic()) {
    Fill(*spec.mutable_quadratic(), place / "quadratic");
  } else if (spec.has_mlp()) {
    Fill(*spec.mutable_mlp(), place / "mlp");
  } else if (spec.has_convnet()) {
    Fill(*spec.mutable_convnet(), place / "convnet");
  } else if (spec.has_art()) {
    Fill(*spec.mutable_art(), place / "art");
  }
}

}  // namespace metastep
