#include "server/model_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "rpc/error_reason.h"
#include "tests/server/fixtures.h"
#include "tests/support/simulated_clock.h"
#include "tests/support/test_folder.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::ModelRef Ref(const std::string& name, int64_t version = 0,
                 const std::string& label = "") {
  v1::ModelRef ref;
  ref.set_name(name);
  if (version != 0) ref.set_version(version);
  if (!label.empty()) ref.set_label(label);
  return ref;
}

class ModelRegistryTest : public testing::Test {
 protected:
  ModelRegistryTest() { Reopen(); }

  // Starts from what is on disk.
  void Reopen() {
    auto registry = ModelRegistry::Open(folder_, clock_);
    ASSERT_OK(registry);
    registry_ = *std::move(registry);
  }
  int64_t Publish(const std::string& name, uint64_t seed,
                  const std::string& run_id = "") {
    Model model = TestModel(seed);
    model.info.set_run_id(run_id);
    auto info = registry_->Publish(name, std::move(model));
    EXPECT_OK(info);
    return info->version();
  }
  std::vector<std::string> Listed(
      const std::string& name = "",
      const std::pair<std::string, int64_t>& after = {}, int limit = 100) {
    std::vector<std::string> listed;
    for (const v1::ModelInfo& info : registry_->List(name, after, limit)) {
      listed.push_back(absl::StrCat(info.name(), "@", info.version()));
    }
    return listed;
  }

  const std::filesystem::path folder_ = NewTestFolder();
  SimulatedClock clock_;
  std::unique_ptr<ModelRegistry> registry_;
};

TEST_F(ModelRegistryTest, PublishesAndFindsAgainAfterARestart) {
  const Model model = TestModel(1);
  ASSERT_OK_AND_ASSIGN(const v1::ModelInfo info,
                       registry_->Publish("toy", model));
  EXPECT_EQ(info.name(), "toy");
  EXPECT_EQ(info.version(), 1);
  EXPECT_EQ(info.phi_sha256(), PhiSha256(model.phi));
  EXPECT_EQ(info.created().seconds(), absl::ToUnixSeconds(clock_.Now()));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const auto found, registry_->Resolve(Ref("toy", 1)));
  EXPECT_EQ(found->phi, model.phi);
  EXPECT_EQ(found->info.SerializeAsString(), info.SerializeAsString());
}

TEST_F(ModelRegistryTest, ResolvesTheHighestVersionOrALabel) {
  Publish("toy", 1);
  Publish("toy", 2);
  ASSERT_OK(registry_->SetLabel(Ref("toy", 1), "best"));
  EXPECT_EQ((*registry_->Resolve(Ref("toy")))->info.version(), 2);
  EXPECT_EQ((*registry_->Resolve(Ref("toy", 0, "best")))->info.version(), 1);
}

TEST_F(ModelRegistryTest, AnUnknownModelSaysWhatThereIs) {
  Publish("toy", 1);
  EXPECT_THAT(
      registry_->Resolve(Ref("tiy")),
      StatusIs(StatusCode::kNotFound, HasSubstr("there is no model \"tiy\"")));
  EXPECT_THAT(registry_->Resolve(Ref("toy", 0, "best")),
              StatusIs(StatusCode::kNotFound, HasSubstr("label \"best\"")));
  const auto missing = registry_->Resolve(Ref("toy", 2));
  EXPECT_THAT(missing, StatusIs(StatusCode::kNotFound,
                                HasSubstr("no version 2; it has 1 versions")));
  EXPECT_EQ(GetErrorInfo(missing.status())->reason(), kReasonModelUnknown);
}

TEST_F(ModelRegistryTest, ARunPublishesOnce) {
  EXPECT_EQ(Publish("toy", 1, "run-a"), 1);
  EXPECT_EQ(Publish("toy", 2, "run-b"), 2);
  Reopen();
  EXPECT_EQ(Publish("toy", 1, "run-a"), 1);
  EXPECT_EQ(Publish("other", 1, "run-a"), 1);
  EXPECT_THAT(Listed(), ElementsAre("other@1", "toy@1", "toy@2"));
}

TEST_F(ModelRegistryTest, ImportIsIdempotentByTheNewestPhi) {
  const std::string first = EncodeModel(TestModel(1));
  const std::string second = EncodeModel(TestModel(2));
  EXPECT_EQ(registry_->Import("toy", first)->version(), 1);
  EXPECT_EQ(registry_->Import("toy", first)->version(), 1);
  EXPECT_EQ(registry_->Import("toy", second)->version(), 2);
  EXPECT_EQ(registry_->Import("toy", first)->version(), 3);
}

TEST_F(ModelRegistryTest, ImportRefusesWhatIsNoModel) {
  EXPECT_THAT(registry_->Import("toy", "junk"),
              StatusIs(StatusCode::kInvalidArgument, testing::_));
  EXPECT_THAT(registry_->Import("../toy", EncodeModel(TestModel(1))),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("../toy")));
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(ModelRegistryTest, NeverUsesAVersionTwice) {
  Publish("toy", 1);
  Publish("toy", 2);
  ASSERT_OK(registry_->Delete(Ref("toy", 2)));
  ASSERT_OK(registry_->Delete(Ref("toy", 1)));
  EXPECT_THAT(Listed(), IsEmpty());
  Reopen();
  EXPECT_EQ(Publish("toy", 3), 3);
}

TEST_F(ModelRegistryTest, ADeletedModelLivesOnWhereItIsHeld) {
  Publish("toy", 1);
  ASSERT_OK_AND_ASSIGN(const auto held, registry_->Resolve(Ref("toy", 1)));
  ASSERT_OK(registry_->Delete(Ref("toy", 1)));
  EXPECT_THAT(registry_->Delete(Ref("toy", 1)),
              StatusIs(StatusCode::kNotFound, testing::_));
  EXPECT_EQ(held->phi, TestModel(1).phi);
  EXPECT_FALSE(fs::exists(folder_ / "toy" / "1"));
}

TEST_F(ModelRegistryTest, ALabelGuardsAgainstDeletion) {
  Publish("toy", 1);
  Publish("toy", 2);
  ASSERT_OK(registry_->SetLabel(Ref("toy", 1), "best"));
  EXPECT_THAT(
      registry_->Delete(Ref("toy", 1)),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("label \"best\"")));
  Reopen();
  EXPECT_THAT(registry_->Get(Ref("toy", 1))->labels(), ElementsAre("best"));
  // The label moves, and then goes.
  ASSERT_OK(registry_->SetLabel(Ref("toy", 2), "best"));
  EXPECT_THAT(registry_->Get(Ref("toy", 1))->labels(), IsEmpty());
  EXPECT_OK(registry_->Delete(Ref("toy", 1)));
  ASSERT_OK(registry_->RemoveLabel(Ref("toy", 2), "best"));
  EXPECT_OK(registry_->Delete(Ref("toy", 2)));
}

// An index of more than 1 MiB could not be read at the next start.
TEST_F(ModelRegistryTest, LabelsAreAsManyAsAnIndexHolds) {
  Publish("toy", 1);
  nlohmann::json index = {{"next_version", 2}};
  // A label takes 75 bytes: these leave 35.
  for (int i = 0; i < 13'980; ++i) {
    index["labels"][absl::StrFormat("l%063d", i)] = 1;
  }
  ASSERT_OK(WriteFileAtomically(folder_ / "toy/index.json", index.dump(2)));
  Reopen();
  const std::string label(64, 'x');
  EXPECT_THAT(registry_->SetLabel(Ref("toy", 1), label),
              StatusIs(StatusCode::kResourceExhausted, HasSubstr("remove")));
  ASSERT_OK(
      registry_->RemoveLabel(Ref("toy", 1), absl::StrFormat("l%063d", 7)));
  Reopen();
}

TEST_F(ModelRegistryTest, RefusesLabelsThatAreNone) {
  Publish("toy", 1);
  EXPECT_THAT(registry_->SetLabel(Ref("toy", 1), "12"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("digits only")));
  EXPECT_THAT(registry_->SetLabel(Ref("toy", 1), "Best"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("Best")));
  EXPECT_THAT(
      registry_->SetLabel(Ref("toy"), "best"),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("needs a version")));
  EXPECT_THAT(registry_->SetLabel(Ref("toy", 2), "best"),
              StatusIs(StatusCode::kNotFound, testing::_));
}

TEST_F(ModelRegistryTest, IgnoresAndRemovesWhatACrashLeft) {
  Publish("toy", 1);
  const fs::path leftover = folder_ / "toy" / ".tmp-0123";
  fs::copy(folder_ / "toy" / "1", leftover);
  Reopen();
  EXPECT_THAT(Listed(), ElementsAre("toy@1"));
  EXPECT_FALSE(fs::exists(leftover));
}

TEST_F(ModelRegistryTest, LeavesABrokenVersionOutAndItsNumberUsed) {
  Publish("toy", 1);
  Publish("toy", 2);
  Publish("toy", 3);
  const fs::path toy = folder_ / "toy";
  fs::resize_file(toy / "2" / "model.safetensors", 100);
  // A copy under another number is not what its path says.
  fs::remove_all(toy / "3");
  fs::copy(toy / "1", toy / "3");
  Reopen();
  EXPECT_THAT(Listed(), ElementsAre("toy@1"));
  EXPECT_EQ(Publish("toy", 4), 4);
}

TEST_F(ModelRegistryTest, RefusesToGoOnWithADamagedIndex) {
  Publish("toy", 1);
  std::ofstream(folder_ / "toy" / "index.json") << "{\"labels\": 3";
  EXPECT_THAT(
      ModelRegistry::Open(folder_, clock_).status(),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("index.json")));
}

TEST_F(ModelRegistryTest, ListsByNameAndThenVersion) {
  for (int i = 0; i < 3; ++i) Publish("b", i);
  Publish("a", 1);
  Publish("c", 1);
  EXPECT_THAT(Listed("", {}, 3), ElementsAre("a@1", "b@1", "b@2"));
  EXPECT_THAT(Listed("", {"b", 2}), ElementsAre("b@3", "c@1"));
  EXPECT_THAT(Listed("b", {"b", 1}), ElementsAre("b@2", "b@3"));
  EXPECT_THAT(Listed("b", {"a", 1}), ElementsAre("b@1", "b@2", "b@3"));
  EXPECT_THAT(Listed("b", {"c", 1}), IsEmpty());
}

}  // namespace
}  // namespace metastep
