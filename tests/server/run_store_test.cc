#include "server/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "server/sqlite.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const std::vector<float>> Phi(float value) {
  return std::make_shared<const std::vector<float>>(3, value);
}

StoredRun MakeRun(const std::string& id) {
  StoredRun stored;
  stored.request_id = "request-" + id;
  stored.request_sha256 = "sha-" + id;
  stored.run.set_run_id(id);
  stored.run.set_state(v1::Run::RUNNING);
  return stored;
}

v1::Round MakeRound(int64_t phi_version) {
  v1::Round round;
  round.set_phi_version(phi_version);
  round.set_outer_loss(0.5 * static_cast<double>(phi_version));
  return round;
}

std::string NewPath(const std::string& name) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove(path);
  return path;
}

class RunStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(store_, RunStore::Open(":memory:"));
  }
  std::unique_ptr<RunStore> store_;
};

TEST_F(RunStoreTest, TrainingStateRoundTrips) {
  TrainingState state;
  state.phi[0] = Phi(0);
  ASSERT_OK(store_->Create({{MakeRun("a"), &state}}));
  state.phi[1] = Phi(1);
  state.phi_version = 1;
  state.outer_state = {7, 8};
  state.last_round = MakeRound(0);
  state.best_phi = {9};
  state.best_validation.emplace().set_phi_version(1);
  state.best_validation->set_final_loss(0.25);
  state.validations_since_best = 2;
  ASSERT_OK(store_->Commit("a", state));

  ASSERT_OK_AND_ASSIGN(const TrainingState loaded, store_->LoadTraining("a"));
  EXPECT_EQ(loaded.phi_version, 1);
  ASSERT_EQ(loaded.phi.size(), 2u);
  EXPECT_EQ(*loaded.phi.at(1), *Phi(1));
  EXPECT_EQ(loaded.outer_state, state.outer_state);
  EXPECT_EQ(loaded.best_phi, state.best_phi);
  ASSERT_TRUE(loaded.best_validation.has_value());
  EXPECT_EQ(loaded.best_validation->final_loss(), 0.25);
  EXPECT_FALSE(loaded.latest_validation.has_value());
  EXPECT_EQ(loaded.validations_since_best, 2);
  ASSERT_TRUE(loaded.last_round.has_value());
  EXPECT_EQ(loaded.last_round->phi_version(), 0);
}

TEST_F(RunStoreTest, RunsAreCreatedAllOrNone) {
  ASSERT_OK(store_->Create({{MakeRun("a"), nullptr}}));
  EXPECT_FALSE(
      store_->Create({{MakeRun("b"), nullptr}, {MakeRun("a"), nullptr}}).ok());
  EXPECT_THAT(store_->Load("b"),
              StatusIs(absl::StatusCode::kNotFound, testing::_));
}

TEST_F(RunStoreTest, PhiThatNoUnrollNeedsIsForgotten) {
  TrainingState state;
  state.phi[0] = Phi(0);
  ASSERT_OK(store_->Create({{MakeRun("a"), &state}}));
  state.phi = {{5, Phi(5)}};
  ASSERT_OK(store_->Commit("a", state));
  ASSERT_OK_AND_ASSIGN(const TrainingState loaded, store_->LoadTraining("a"));
  ASSERT_EQ(loaded.phi.size(), 1u);
  EXPECT_EQ(loaded.phi.begin()->first, 5);
}

TEST_F(RunStoreTest, ResultsAreKeptUntilTheRunIsFinished) {
  ASSERT_OK(store_->Create({{MakeRun("a"), nullptr}}));
  v1::EvaluationResult result;
  result.add_losses(0.1);
  ASSERT_OK(store_->Keep("a", {{5, result}}));
  ASSERT_OK(store_->Keep("a", {{2, {}}, {7, {}}}));
  ASSERT_OK_AND_ASSIGN(const auto kept, store_->LoadResults("a"));
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].shard, 2);
  EXPECT_EQ(kept[1].shard, 5);
  EXPECT_THAT(kept[1].result.losses(), ElementsAre(0.1));
  ASSERT_OK(store_->Finish(MakeRun("a").run));
  ASSERT_OK_AND_ASSIGN(const auto finished, store_->LoadResults("a"));
  EXPECT_TRUE(finished.empty());
}

TEST_F(RunStoreTest, RunsAreFoundByIdRequestAndState) {
  ASSERT_OK(store_->Create({{MakeRun("a"), nullptr}}));
  ASSERT_OK(store_->Create({{MakeRun("b"), nullptr}}));
  StoredRun ended = MakeRun("b");
  ended.run.set_state(v1::Run::FAILED);
  ended.run.add_curves()->set_label("adam");
  ASSERT_OK(store_->Finish(ended.run));

  ASSERT_OK_AND_ASSIGN(const auto by_request,
                       store_->FindByRequest("request-b"));
  ASSERT_TRUE(by_request.has_value());
  EXPECT_EQ(by_request->run.curves(0).label(), "adam");
  ASSERT_OK_AND_ASSIGN(const auto running, store_->LoadRunning());
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running[0].run.run_id(), "a");
  EXPECT_THAT(store_->Load("c"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no run \"c\"")));
}

TEST_F(RunStoreTest, ListsNewestFirstByPageAndWithoutCurves) {
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_OK(store_->Create({{MakeRun(id), nullptr}}));
  }
  ASSERT_OK_AND_ASSIGN(const auto first, store_->List(/*before=*/0, 2));
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].run.run_id(), "c");
  ASSERT_OK_AND_ASSIGN(const auto rest, store_->List(first[1].sequence, 2));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].run.run_id(), "a");
}

TEST_F(RunStoreTest, RoundsComeInOrderFromTheOneAskedFor) {
  TrainingState state;
  state.phi[0] = Phi(0);
  ASSERT_OK(store_->Create({{MakeRun("a"), &state}}));
  for (int64_t version : {0, 1, 2, 3}) {
    state.last_round = MakeRound(version);
    ASSERT_OK(store_->Commit("a", state));
  }
  ASSERT_OK_AND_ASSIGN(const auto rounds,
                       store_->Rounds("a", /*first=*/1, /*limit=*/2));
  std::vector<int64_t> versions;
  for (const v1::Round& round : rounds) versions.push_back(round.phi_version());
  EXPECT_THAT(versions, ElementsAre(1, 2));
}

TEST(RunStoreFileTest, WhatWasCommittedIsThereAfterReopening) {
  const std::string path = NewPath("run_store_test.db");
  {
    ASSERT_OK_AND_ASSIGN(const auto store, RunStore::Open(path));
    ASSERT_OK(store->Create({{MakeRun("a"), nullptr}}));
  }
  ASSERT_OK_AND_ASSIGN(const auto store, RunStore::Open(path));
  EXPECT_OK(store->Load("a"));
}

TEST(RunStoreFileTest, RowThatDoesNotParseIsAnErrorWhereverItIsRead) {
  const std::string path = NewPath("run_store_damaged_test.db");
  ASSERT_OK_AND_ASSIGN(const auto store, RunStore::Open(path));
  ASSERT_OK(store->Create({{MakeRun("a"), nullptr}}));
  ASSERT_OK(store->Keep("a", {{0, v1::EvaluationResult()}}));
  ASSERT_OK_AND_ASSIGN(const auto db, Sqlite::Open(path));
  // Field 0 is none of protobuf's.
  ASSERT_OK(db->Execute("UPDATE runs SET run = x'00'"));
  ASSERT_OK(db->Execute("UPDATE results SET result = x'00'"));

  const auto names = [](const char* message) {
    return StatusIs(absl::StatusCode::kDataLoss,
                    HasSubstr(std::string("does not parse as ") + message));
  };
  EXPECT_THAT(store->Load("a"), names("metastep.v1.Run"));
  EXPECT_THAT(store->LoadRunning(), names("metastep.v1.Run"));
  EXPECT_THAT(store->List(/*before=*/0, /*limit=*/1), names("metastep.v1.Run"));
  EXPECT_THAT(store->LoadResults("a"), names("metastep.v1.EvaluationResult"));
}

TEST(RunStoreFileTest, UnusablePathIsNamed) {
  EXPECT_THAT(RunStore::Open("/nowhere/at/all.db"),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("/nowhere/at/all.db")));
}

}  // namespace
}  // namespace metastep
