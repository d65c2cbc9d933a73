// What a session store keeps on disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "rpc/error_reason.h"
#include "tests/rpc/reason_of.h"
#include "tests/server/session_store_fixture.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using testing::HasSubstr;

TEST_F(SessionStoreTest, ARestoredSessionGoesOnToTheSameBits) {
  const auto expected = ModelInProcess(TestModel(1), 4);
  const std::string session = Open(OpenModel("a", "toy"));
  ASSERT_OK(Step(session, 1));
  ASSERT_OK(Step(session, 2));
  ASSERT_OK_AND_ASSIGN(const auto saved, store_->Save(session));
  EXPECT_EQ(saved.next_step(), 3);
  ASSERT_OK(Step(session, 3));
  // It needs neither the session, nor the model, nor this process.
  ASSERT_OK(store_->Close(session));
  v1::ModelRef ref;
  ref.set_name("toy");
  ref.set_version(1);
  ASSERT_OK(registry_->Delete(ref));
  Restart();
  ASSERT_OK_AND_ASSIGN(const v1::Session restored,
                       Restore(saved.snapshot_id()));
  EXPECT_NE(restored.session_id(), session);
  EXPECT_EQ(restored.next_step(), 3);
  EXPECT_EQ(restored.model().version(), 1);
  EXPECT_THAT(Step(restored.session_id(), 2), IsOkAndHolds(expected[1]));
  EXPECT_THAT(Step(restored.session_id(), 3), IsOkAndHolds(expected[2]));
  EXPECT_THAT(Step(restored.session_id(), 4), IsOkAndHolds(expected[3]));
}

TEST_F(SessionStoreTest, ASnapshotOfAFreshHandDesignedSession) {
  const std::string session = Open(OpenAdam("a"));
  ASSERT_OK_AND_ASSIGN(const auto saved, store_->Save(session));
  EXPECT_EQ(saved.next_step(), 1);
  ASSERT_OK_AND_ASSIGN(const v1::Session restored,
                       Restore(saved.snapshot_id()));
  EXPECT_EQ(restored.hand_designed().SerializeAsString(),
            ResolveHandDesigned(TestAdam())->SerializeAsString());
  EXPECT_THAT(Step(restored.session_id(), 1),
              IsOkAndHolds(AdamInProcess(1)[0]));
}

TEST_F(SessionStoreTest, RestoringIsIdempotentByRequest) {
  ASSERT_OK_AND_ASSIGN(const auto saved, store_->Save(Open(OpenAdam("a"))));
  const std::string first = Restore(saved.snapshot_id(), "r")->session_id();
  EXPECT_EQ(Restore(saved.snapshot_id(), "r")->session_id(), first);
  EXPECT_NE(Restore(saved.snapshot_id(), "s")->session_id(), first);
}

TEST_F(SessionStoreTest, UnknownAndDamagedSnapshots) {
  const auto unknown = Restore("0123456789abcdef0123456789abcdef").status();
  EXPECT_EQ(ReasonOf(unknown), kReasonSnapshotUnknown);
  // A path is not an id, whatever lies there.
  const auto path = Restore("../../models/toy/1/model.safetensors").status();
  EXPECT_EQ(ReasonOf(path), kReasonSnapshotUnknown);
  ASSERT_OK_AND_ASSIGN(const auto saved, store_->Save(Open(OpenAdam("a"))));
  fs::resize_file(options_.dir / "snapshots" / saved.snapshot_id(), 100);
  EXPECT_THAT(Restore(saved.snapshot_id()),
              StatusIs(StatusCode::kDataLoss, HasSubstr("damaged")));
}

TEST_F(SessionStoreTest, SnapshotsHaveAQuotaOnDisk) {
  const std::string session = Open(OpenAdam("a"));
  ASSERT_OK_AND_ASSIGN(const auto saved, store_->Save(session));
  const auto size =
      fs::file_size(options_.dir / "snapshots" / saved.snapshot_id());
  options_.max_snapshot_bytes = static_cast<int64_t>(2 * size - 1);
  ASSERT_OK(store_->SpillAll());
  Restart();
  EXPECT_EQ(ReasonOf(store_->Save(session).status()), kReasonQuotaSnapshots);
  EXPECT_THAT(Step(session, 1), IsOkAndHolds(AdamInProcess(1)[0]));
  ASSERT_OK(store_->DeleteSnapshot(saved.snapshot_id()));
  EXPECT_OK(store_->Save(session));
}

TEST_F(SessionStoreTest, ADeletedSnapshotIsGoneAndItsSessionsGoOn) {
  ASSERT_OK_AND_ASSIGN(const auto saved, store_->Save(Open(OpenAdam("a"))));
  ASSERT_OK_AND_ASSIGN(const v1::Session restored,
                       Restore(saved.snapshot_id()));
  ASSERT_OK(store_->DeleteSnapshot(saved.snapshot_id()));
  EXPECT_EQ(ReasonOf(Restore(saved.snapshot_id(), "again").status()),
            kReasonSnapshotUnknown);
  EXPECT_EQ(ReasonOf(store_->DeleteSnapshot(saved.snapshot_id())),
            kReasonSnapshotUnknown);
  EXPECT_THAT(Step(restored.session_id(), 1),
              IsOkAndHolds(AdamInProcess(1)[0]));
}

TEST_F(SessionStoreTest, DeletesNoFileThatIsNoSnapshot) {
  const fs::path other = options_.dir / "other";
  std::ofstream(other) << "precious";
  EXPECT_EQ(ReasonOf(store_->DeleteSnapshot("../other")),
            kReasonSnapshotUnknown);
  EXPECT_TRUE(fs::exists(other));
}

TEST_F(SessionStoreTest, SpilledSessionsAreFoundAgain) {
  const auto expected = ModelInProcess(TestModel(1), 3);
  const std::string lstm = Open(OpenModel("a", "toy"));
  ASSERT_OK(Step(lstm, 1));
  clock_.Advance(absl::Minutes(1));
  const std::string adam = Open(OpenAdam("b"));
  ASSERT_OK(Step(lstm, 2));
  ASSERT_OK(store_->SpillAll());
  Restart();
  const auto listed = store_->List({});
  EXPECT_EQ(listed->sessions_size(), 2);
  // An answer that was lost on the way is still there.
  EXPECT_THAT(Step(lstm, 2), IsOkAndHolds(expected[1]));
  EXPECT_THAT(Step(lstm, 3), IsOkAndHolds(expected[2]));
  EXPECT_THAT(Step(adam, 1), IsOkAndHolds(AdamInProcess(1)[0]));
  EXPECT_EQ(Open(OpenAdam("b")), adam);
}

// Their ids are random: 10 of them are in order once in 10! times.
TEST_F(SessionStoreTest, SpilledSessionsAreListedOldestFirst) {
  std::vector<std::string> opened;
  for (int i = 0; i < 10; ++i) {
    opened.push_back(Open(OpenAdam(absl::StrCat(i))));
    clock_.Advance(absl::Seconds(1));
  }
  ASSERT_OK(store_->SpillAll());
  Restart();
  std::vector<std::string> listed;
  const auto sessions = store_->List({});
  for (const v1::Session& session : sessions->sessions()) {
    listed.push_back(session.session_id());
  }
  EXPECT_EQ(listed, opened);
}

TEST_F(SessionStoreTest, ASpilledSessionStaysOnDiskUntilItIsUsed) {
  const std::string session = Open(OpenAdam("a"));
  ASSERT_OK(store_->SpillAll());
  Restart();
  Restart();  // a crash before the first use
  EXPECT_OK(Step(session, 1));
  Restart();  // a crash after it: a state before step 1 would be stale
  EXPECT_EQ(ReasonOf(Step(session, 2).status()), kReasonSessionUnknown);
}

TEST_F(SessionStoreTest, TheTtlGoesOnWhileTheServerIsDown) {
  const std::string session = Open(OpenAdam("a"));
  clock_.Advance(absl::Minutes(30));
  const std::string later = Open(OpenAdam("b"));
  ASSERT_OK(store_->SpillAll());
  clock_.Advance(absl::Minutes(30));
  Restart();
  EXPECT_THAT(Listed(), testing::ElementsAre(later));
  EXPECT_FALSE(fs::exists(options_.dir / "spilled" / session));
}

TEST_F(SessionStoreTest, ADamagedSpilledSessionIsLeftOut) {
  const std::string bad = Open(OpenAdam("a"));
  const std::string good = Open(OpenAdam("b"));
  ASSERT_OK(store_->SpillAll());
  fs::resize_file(options_.dir / "spilled" / bad, 50);
  Restart();
  EXPECT_THAT(Listed(), testing::ElementsAre(good));
}

}  // namespace
}  // namespace metastep
