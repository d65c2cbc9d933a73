// metastep-make-digits: writes a synthetic data set in MNIST's files.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <string>

#include "optimizee/synthetic_digits.h"

namespace metastep {
namespace {

int Main(int argc, char** argv) {
  CLI::App app(
      "Writes a synthetic data set of drawn digits, in MNIST's four files, to "
      "DIR/mnist.");
  app.footer(
      "Example: train on it in place of MNIST\n"
      "  metastep-make-digits /tmp/data --train 20000 --seed 7\n"
      "  metastep local specs/mnist.textproto --data-dir /tmp/data");
  std::string folder;
  SyntheticDigitsOptions options;
  app.add_option("DIR", folder, "Data directory; made if need be")->required();
  // A file holds at most 256 MiB of pixels.
  const CLI::Range images(2, 300000);
  app.add_option("--train", options.training_images, "Training images")
      ->check(images)
      ->capture_default_str();
  app.add_option("--test", options.test_images, "Test images")
      ->check(images)
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Seed; the same gives the same files")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    constexpr int kUsage = 2;
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  const auto status =
      WriteSyntheticDigits(std::filesystem::path(folder) / "mnist", options);
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace metastep

int main(int argc, char** argv) { return metastep::Main(argc, argv); }
