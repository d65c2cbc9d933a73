// metastep-make-data: writes synthetic data sets in the files of real ones.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/build_version.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "optimizee/cifar.h"
#include "optimizee/synthetic_digits.h"
#include "optimizee/synthetic_pictures.h"

namespace metastep {
namespace {

constexpr char kFooter[] = R"(
Example: train on drawn digits in place of MNIST
  metastep-make-data digits /tmp/data --train 20000 --seed 7
  metastep local specs/mnist.textproto --data-dir /tmp/data)";

struct Options {
  std::filesystem::path folder;
  SyntheticDigitsOptions digits;
  int32_t pictures = 10000;
  uint64_t seed = 0;
};

CLI::App* AddSet(CLI::App& app, const std::string& name,
                 const std::string& description, Options& options) {
  CLI::App* set = app.add_subcommand(name, description);
  set->add_option("DIR", options.folder, "Data directory; made if need be")
      ->required();
  set->add_option("--seed", options.seed, "Seed; the same gives the same files")
      ->capture_default_str();
  return set;
}

void AddDigits(CLI::App& app, Options& options) {
  CLI::App* set =
      AddSet(app, "digits", "Drawn digits in MNIST's four files, in DIR/mnist",
             options);
  // A file holds at most 256 MiB of pixels.
  const CLI::Range images(2, 300000);
  set->add_option("--train", options.digits.training_images, "Training images")
      ->check(images)
      ->capture_default_str();
  set->add_option("--test", options.digits.test_images, "Test images")
      ->check(images)
      ->capture_default_str();
}

void AddPictures(CLI::App& app, Options& options) {
  CLI::App* set = AddSet(
      app, "pictures",
      "Drawn pictures in CIFAR-10's binary files, in DIR/cifar10", options);
  set->add_option("--train", options.pictures, "Training images")
      ->check(CLI::Range(2, static_cast<int>(5 * kCifarFileImages)))
      ->capture_default_str();
}

absl::Status Write(const Options& options, bool digits) {
  if (digits) {
    SyntheticDigitsOptions wanted = options.digits;
    wanted.seed = options.seed;
    return WriteSyntheticDigits(options.folder / "mnist", wanted);
  }
  METASTEP_RETURN_IF_ERROR(MakeFolder(options.folder / "cifar10"));
  return WriteCifar(options.folder / "cifar10",
                    MakeSyntheticPictures(options.seed, options.pictures));
}

int Main(int argc, char** argv) {
  CLI::App app("Writes synthetic data sets in the files of real ones.",
               "metastep-make-data");
  app.set_version_flag("--version",
                       absl::StrCat("metastep-make-data ", kBuildVersion));
  app.footer(kFooter);
  app.require_subcommand(1);
  Options options;
  AddDigits(app, options);
  AddPictures(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    constexpr int kUsage = 2;
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  const absl::Status status = Write(options, app.got_subcommand("digits"));
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) { return metastep::Main(argc, argv); }
