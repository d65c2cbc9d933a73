// The models that the repository ships.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "optimizer/model_file.h"
#include "optimizer/run_spec.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;

using google::protobuf::util::MessageDifferencer;

absl::StatusOr<v1::RunSpec> ReadSpec(const fs::path& path) {
  auto text = ReadFile(path, /*max_bytes=*/1 << 16);
  if (!text.ok()) return text.status();
  auto spec = ParseRunSpec(*text);
  if (!spec.ok()) return spec.status();
  return ResolveRunSpec(*spec);
}

// A model is what its spec trains; whoever runs the spec can expect its like.
TEST(ShippedModelsTest, HaveTheSpecsOfTheirNames) {
  int models = 0;
  for (const auto& entry : fs::directory_iterator(METASTEP_MODELS_DIR)) {
    const fs::path spec_path =
        fs::path(METASTEP_SPECS_DIR) / entry.path().stem().concat(".textproto");
    SCOPED_TRACE(entry.path());
    ASSERT_OK_AND_ASSIGN(const std::string bytes,
                         ReadFile(entry.path(), kMaxModelBytes));
    ASSERT_OK_AND_ASSIGN(const Model model, DecodeModel(bytes));
    ASSERT_OK_AND_ASSIGN(const v1::RunSpec spec, ReadSpec(spec_path));
    MessageDifferencer differencer;
    std::string difference;
    differencer.ReportDifferencesToString(&difference);
    EXPECT_TRUE(differencer.Compare(spec, model.info.run_spec())) << difference;
    ++models;
  }
  EXPECT_GT(models, 0);
}

}  // namespace
}  // namespace metastep
