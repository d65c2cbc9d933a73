#include "server/session_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "tests/server/fixtures.h"

namespace metastep {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

const absl::Time kOpened = absl::FromUnixSeconds(1'600'000'000);

// Three floats, or six bfloat16.
constexpr absl::string_view kState = "twelve bytes";

// An LSTM's session after six steps over one tensor of two coordinates.
std::string File(v1::FloatFormat format = v1::FLOAT32) {
  auto layout = ParameterLayout::Create({{"w", {2, 1}}});
  EXPECT_OK(layout);
  const SessionPlan plan{
      .session_id = "id",
      .request_id = "request",
      .optimizer = {.model = std::make_shared<const Model>(TestModel(1)),
                    .hand_designed = {}},
      .layout = *layout,
      .state_format = format,
      .opened = kOpened,
      .ttl = absl::Seconds(5)};
  const SessionProgress progress{
      .next_step = 7, .update = {1, 2}, .state = SessionState(format, kState)};
  return EncodeSession(plan, progress, kOpened + absl::Seconds(9));
}

// The same with its digest made right again, so that the digest hides nothing.
std::string Redigested(std::string file) {
  file.resize(file.size() - 64);
  return file + Sha256Hex(file);
}

TEST(SessionFileTest, ReadsBackWhatWasWritten) {
  ASSERT_OK_AND_ASSIGN(const SessionImage image, DecodeSession(File()));
  EXPECT_EQ(image.plan.session_id, "id");
  EXPECT_EQ(image.plan.request_id, "request");
  EXPECT_EQ(image.plan.optimizer.model->phi, TestModel(1).phi);
  EXPECT_EQ(image.plan.layout.tensors()[0].name, "w");
  EXPECT_EQ(image.plan.layout.tensors()[0].shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(image.plan.opened, kOpened);
  EXPECT_EQ(image.plan.ttl, absl::Seconds(5));
  EXPECT_EQ(image.expires, kOpened + absl::Seconds(9));
  EXPECT_EQ(image.progress.next_step, 7);
  EXPECT_EQ(image.progress.update, (std::vector<float>{1, 2}));
  EXPECT_EQ(image.progress.state.bytes(), kState);
  EXPECT_EQ(image.progress.state.format(), v1::FLOAT32);
}

// A string that grows doubles, and copies what may be gigabytes.
TEST(SessionFileTest, IsMadeInTheMemoryThatItNeeds) {
  const std::string file = File();
  EXPECT_LE(file.capacity(), file.size() + 1);
}

TEST(SessionFileTest, HoldsTheStateAsItIsKept) {
  ASSERT_OK_AND_ASSIGN(const SessionImage image,
                       DecodeSession(File(v1::BFLOAT16)));
  EXPECT_EQ(image.plan.state_format, v1::BFLOAT16);
  EXPECT_EQ(image.progress.state.format(), v1::BFLOAT16);
  EXPECT_EQ(image.progress.state.floats(), 6);
  EXPECT_EQ(image.progress.state.bytes(), kState);
}

TEST(SessionFileTest, RefusesEveryTruncation) {
  const std::string file = File();
  for (size_t size = 0; size < file.size(); ++size) {
    ASSERT_THAT(DecodeSession(file.substr(0, size)),
                StatusIs(StatusCode::kInvalidArgument,
                         HasSubstr("not a session file")));
  }
}

TEST(SessionFileTest, RefusesEveryChangedByte) {
  std::string file = File();
  for (char& byte : file) {
    byte = static_cast<char>(byte ^ 1);
    ASSERT_FALSE(DecodeSession(file).ok());
    byte = static_cast<char>(byte ^ 1);
  }
  EXPECT_OK(DecodeSession(file));
}

TEST(SessionFileTest, RefusesALengthBeyondTheFile) {
  std::string file = File();
  // The first record's length follows the magic of 19 bytes.
  file[19 + 7] = '\x7f';
  EXPECT_THAT(DecodeSession(Redigested(file)),
              StatusIs(StatusCode::kInvalidArgument,
                       HasSubstr("ends within a record")));
}

TEST(SessionFileTest, RefusesWhatFollowsTheRecords) {
  std::string file = File();
  file.insert(file.size() - 64, "x");
  EXPECT_THAT(
      DecodeSession(Redigested(file)),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("something follows")));
}

}  // namespace
}  // namespace metastep
