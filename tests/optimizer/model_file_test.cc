#include "optimizer/model_file.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "optimizer/rule_factory.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using google::protobuf::util::MessageDifferencer;
using testing::HasSubstr;

// u = 2 g - 1: a rule without layers, so phi is its output's weight and bias.
Model LinearModel() {
  v1::GroupRuleSpec rule;
  rule.set_name("linear");
  rule.mutable_rule()->mutable_lstm();
  RuleSpecs rules;
  *rules.Add() = rule;
  absl::StatusOr<RuleSpecs> resolved = ResolveGroupRules(rules);
  EXPECT_OK(resolved);
  Model model;
  if (resolved.ok()) *model.info.mutable_rules() = *std::move(resolved);
  model.phi = {2, -1};
  return model;
}

// A rule of each cell, and every field of the metadata.
Model FullModel() {
  const v1::RunSpec spec = Resolved(R"pb(
    name: "full"
    task { square {} }
    training {
      rules {
        name: "conv"
        parameters: "conv*"
        rule { lstm { preset: DM hidden: 2 } }
      }
      rules {
        name: "bias"
        parameters: "*bias"
        rule { lmu { hidden: 2 memory_order: 3 } }
      }
      rules {
        name: "rest"
        rule { gru { hidden: [ 1, 3 ] } }
      }
      rounds: 5
    }
  )pb");
  Model model;
  v1::ModelInfo& info = model.info;
  info.set_name("full");
  info.set_version(3);
  *info.mutable_rules() = spec.training().rules();
  info.set_run_id("abc");
  *info.mutable_run_spec() = spec;
  info.set_phi_version(5);
  info.mutable_validation()->set_phi_version(4);
  // Has no short decimal form: must come back to the last bit.
  info.mutable_validation()->set_final_loss(1.0 / 3);
  info.mutable_validation()->set_sum_of_losses(1e-300);
  info.mutable_created()->set_seconds(1577836800);
  info.mutable_created()->set_nanos(5);
  model.phi = InitialPhi(info.rules(), /*seed=*/7);
  return model;
}

// sha256sum of the bytes 00 00 00 40 00 00 80 bf.
constexpr char kLinearSha256[] =
    "29f16f743de29d3d29fb51bb15c62b3592bdfcf27c18836a90e16e2b1063b01b";

// The worked example of docs/model-format.md. The header has 470 characters and
// 2 spaces: 0x1D8.
std::string LinearFile() {
  return absl::StrCat(
      absl::string_view("\xD8\x01\0\0\0\0\0\0", 8),
      R"({"__metadata__":{"metastep":")"
      R"({\"rules\":[{\"name\":\"linear\",\"parameters\":[\"*\"],\"rule\":{\"lstm\":{)"
      R"(\"preprocessing\":{\"identity\":{}},\"output_scale\":1,)"
      R"(\"initialization\":\"TRUNCATED_NORMAL\",\"forget_bias\":1}}}],)"
      R"(\"phi_sha256\":\")",
      kLinearSha256,
      R"(\",\"phi_size\":\"2\"})"
      R"("},)"
      R"("linear.output.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
      R"("linear.output.bias":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"
      "  ",
      absl::string_view("\0\0\0\x40\0\0\x80\xBF", 8));
}

TEST(PhiSha256Test, IsThatOfLittleEndianFloats) {
  EXPECT_EQ(PhiSha256({2, -1}), kLinearSha256);
}

TEST(ModelFileTest, WritesTheWorkedExample) {
  EXPECT_EQ(EncodeModel(LinearModel()), LinearFile());
}

TEST(ModelFileTest, ReadsTheWorkedExample) {
  ASSERT_OK_AND_ASSIGN(const Model model, DecodeModel(LinearFile()));
  EXPECT_THAT(model.phi, testing::ElementsAre(2, -1));
  EXPECT_EQ(model.info.phi_size(), 2);
  EXPECT_EQ(model.info.phi_sha256(), kLinearSha256);
  EXPECT_EQ(model.info.rules(0).name(), "linear");
}

TEST(ModelFileTest, ComesBackWhole) {
  Model model = FullModel();
  ASSERT_OK_AND_ASSIGN(const Model read, DecodeModel(EncodeModel(model)));
  EXPECT_EQ(read.phi, model.phi);
  model.info.set_phi_size(model.phi.size());
  model.info.set_phi_sha256(PhiSha256(model.phi));
  EXPECT_TRUE(MessageDifferencer::Equals(read.info, model.info))
      << read.info.DebugString();
  EXPECT_EQ(EncodeModel(read), EncodeModel(model));
}

TEST(ModelFileTest, LeavesLabelsOut) {
  Model model = LinearModel();
  model.info.add_labels("best");
  EXPECT_EQ(EncodeModel(model), EncodeModel(LinearModel()));
}

// Other tools write tensors in the order of their names.
TEST(ModelFileTest, TakesTensorsInAnyOrder) {
  const std::string bytes = LinearFile();
  ASSERT_OK_AND_ASSIGN(Safetensors file, ReadSafetensors(bytes));
  std::swap(file.tensors[0], file.tensors[1]);
  ASSERT_OK_AND_ASSIGN(const Model model, DecodeModel(WriteSafetensors(file)));
  EXPECT_THAT(model.phi, testing::ElementsAre(2, -1));
}

// A file whose metadata another tool wrote: rules alone, not resolved.
TEST(ModelFileTest, FillsInWhatAForeignFileLeavesOut) {
  const std::string bytes = LinearFile();
  ASSERT_OK_AND_ASSIGN(Safetensors file, ReadSafetensors(bytes));
  file.metadata["metastep"] = R"({"rules":[{"name":"linear",)"
                              R"("rule":{"lstm":{}}}]})";
  file.metadata["format"] = "pt";
  ASSERT_OK_AND_ASSIGN(const Model model, DecodeModel(WriteSafetensors(file)));
  EXPECT_EQ(EncodeModel(model), LinearFile());
}

TEST(ModelFileTest, SaysWhatIsWrongWithTheMetadata) {
  const std::string rule = R"({"name":"linear","rule":{"lstm":{}}})";
  const struct {
    std::string info;
    const char* problem;
  } kCases[] = {
      {"", "\"metastep\" is not a ModelInfo"},
      {"[]", "\"metastep\" is not a ModelInfo"},
      {R"({"speed":1})", "speed"},
      {R"({"phi_size":"x"})", "\"metastep\" is not a ModelInfo"},
      {"{}", "rules has no rule"},
      {R"({"rules":[{"rule":{"lstm":{}}}]})", "rules[0].name is \"\""},
      {R"({"rules":[{"name":"linear"}]})", "rules[0].rule.cell is required"},
      {absl::StrCat("{\"rules\":[", rule, ",", rule, "]}"),
       "rules[1].name is \"linear\", which an earlier rule has"},
      {R"({"rules":[{"name":"linear","rule":{"lstm":{"hidden":[0]}}}]})",
       "rules[0].rule.lstm.hidden[0] is 0"},
      {R"({"rules":[{"name":"other","rule":{"lstm":{}}}]})",
       "there is no tensor \"other.output.weight\""},
      {R"({"rules":[{"name":"linear","rule":{"lstm":{"preprocessing":)"
       R"({"log_and_sign":{}}}}}]})",
       "tensor \"linear.output.weight\" must have the shape [2], has [1]"},
      {absl::StrCat("{\"phi_size\":3,\"rules\":[", rule, "]}"),
       "phi_size is 3; the tensors have 2 values"},
      {absl::StrCat("{\"phi_sha256\":\"ab\",\"rules\":[", rule, "]}"),
       "phi_sha256 is ab; that of the tensors is"},
  };
  const std::string bytes = LinearFile();
  ASSERT_OK_AND_ASSIGN(Safetensors file, ReadSafetensors(bytes));
  for (const auto& bad : kCases) {
    file.metadata["metastep"] = bad.info;
    EXPECT_THAT(
        DecodeModel(WriteSafetensors(file)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.problem)))
        << bad.info;
  }
  file.metadata.clear();
  EXPECT_THAT(DecodeModel(WriteSafetensors(file)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "model file: __metadata__ has no \"metastep\""));
}

TEST(ModelFileTest, RejectsATensorTooMany) {
  const std::string bytes = LinearFile();
  ASSERT_OK_AND_ASSIGN(Safetensors file, ReadSafetensors(bytes));
  file.tensors.push_back({"extra", {1}, file.tensors[0].data});
  EXPECT_THAT(DecodeModel(WriteSafetensors(file)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "model file: the rules have 2 tensors, the file 3"));
}

TEST(ModelFileTest, RejectsValuesThatAreNotFinite) {
  Model model = LinearModel();
  model.phi[1] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(DecodeModel(EncodeModel(model)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "model file: tensor \"linear.output.bias\" must be "
                       "finite; element 0 is inf"));
}

TEST(ModelFileTest, RejectsAFileThatIsTooLarge) {
  EXPECT_THAT(DecodeModel(std::string(kMaxModelBytes + 1, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "model file: it has 4194305 bytes; must have at most "
                       "4194304"));
}

TEST(ModelFileTest, RejectsEveryTruncation) {
  const std::string bytes = EncodeModel(FullModel());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodeModel(absl::string_view(bytes).substr(0, size)),
                StatusIs(absl::StatusCode::kInvalidArgument, testing::_))
        << size;
  }
}

// A flipped bit either makes the file unreadable or leaves phi as it was.
TEST(ModelFileTest, NeverReadsAnotherPhiFromAFlippedBit) {
  const Model model = LinearModel();
  std::string bytes = EncodeModel(model);
  int accepted = 0;
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    bytes[bit / 8] ^= 1 << bit % 8;
    const absl::StatusOr<Model> read = DecodeModel(bytes);
    bytes[bit / 8] ^= 1 << bit % 8;
    if (!read.ok()) continue;
    ++accepted;
    EXPECT_EQ(read->phi, model.phi) << "bit " << bit;
    EXPECT_GE(bit, 64u) << "the header's length";
    EXPECT_LT(bit, 8 * (bytes.size() - 8)) << "the data";
  }
  // Such as the digits of output_scale.
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace metastep
