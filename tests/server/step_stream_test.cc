#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "base/digest.h"
#include "rpc/error_reason.h"
#include "rpc/float_format.h"
#include "rpc/message_limit.h"
#include "tests/rpc/reason_of.h"
#include "tests/server/fixtures.h"
#include "tests/server/step_service_fixture.h"

namespace metastep {
namespace {

using absl::StatusCode;

// Two chunks of the answer, several tasks, and a block that is not filled.
constexpr int64_t kCoordinates = kChunkCoordinates + 12'345;

// One stream, written and read by the test.
class TestStream {
 public:
  explicit TestStream(v1::StepService::Stub& stub) {
    SetTimeout(context_, absl::Seconds(30));
    stream_ = stub.StepStream(&context_);
  }
  ~TestStream() {
    context_.TryCancel();
    if (!finished_) stream_->Finish();
  }

  // False once the stream has ended.
  bool Send(const v1::StepStreamRequest& request) {
    return stream_->Write(request);
  }
  bool Begin(const std::string& session_id, int64_t step, int64_t coordinates,
             v1::FloatFormat format = v1::FLOAT32) {
    v1::StepStreamRequest request;
    v1::StepBegin& begin = *request.mutable_begin();
    begin.set_session_id(session_id);
    begin.set_step(step);
    begin.set_coordinates(coordinates);
    begin.set_gradient_format(format);
    begin.set_update_format(format);
    return Send(request);
  }
  bool SendGradient(absl::Span<const float> gradient,
                    v1::FloatFormat format = v1::FLOAT32) {
    v1::StepStreamRequest request;
    EncodeFloats(format, gradient, *request.mutable_gradient());
    return Send(request);
  }
  void CloseSending() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // The next n coordinates of updates, or what the stream ended with.
  absl::StatusOr<std::vector<float>> Read(
      int64_t n, v1::FloatFormat format = v1::FLOAT32) {
    std::vector<float> update;
    v1::StepStreamResponse response;
    while (std::ssize(update) < n) {
      if (!stream_->Read(&response)) return Finish();
      const size_t before = update.size();
      update.resize(before + response.update().size() / BytesPerFloat(format));
      DecodeFloats(format, response.update(),
                   absl::MakeSpan(update).subspan(before));
    }
    return update;
  }
  // Reads what is left and returns the status.
  absl::Status Finish() {
    v1::StepStreamResponse response;
    while (stream_->Read(&response)) {
    }
    finished_ = true;
    return FromGrpcStatus(stream_->Finish());
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::StepStreamRequest, v1::StepStreamResponse>>
      stream_;
  bool finished_ = false;
};

class StepStreamTest : public StepServiceTest {
 protected:
  std::string OpenLarge(v1::FloatFormat state_format = v1::FLOAT32) {
    v1::OpenSessionRequest request;
    request.set_request_id(RandomId());
    request.mutable_model()->set_name("toy");
    request.set_state_format(state_format);
    v1::TensorSpec& tensor = *request.add_tensors();
    tensor.set_name("w");
    tensor.add_shape(kCoordinates);
    return StepServiceTest::Open(request);
  }
  static std::vector<std::vector<float>> InProcess(int64_t steps) {
    auto layout = ParameterLayout::Create({{"w", {kCoordinates}}});
    const Model model = TestModel(1);
    return UpdatesInProcess(
        **MakeLearnedRule(model.info.rules(), *layout, model.phi), steps,
        kCoordinates);
  }
  // Sends a step's gradient in pieces of sizes that fit nothing.
  static void SendStep(TestStream& stream, const std::string& session,
                       int64_t step) {
    const auto gradient = TestGradient(step, kCoordinates);
    auto left = absl::MakeConstSpan(gradient);
    ASSERT_TRUE(stream.Begin(session, step, kCoordinates));
    for (const size_t size : {size_t{1}, size_t{0}, size_t{99'999}}) {
      ASSERT_TRUE(stream.SendGradient(left.first(size)));
      left.remove_prefix(size);
    }
    ASSERT_TRUE(stream.SendGradient(left));
  }
  void ExpectUnaryStep(const std::string& session, int64_t step,
                       const std::vector<float>& update) {
    EXPECT_THAT(Step(session, step, TestGradient(step, kCoordinates)),
                IsOkAndHolds(update));
  }
  // Until the server has read so many messages, and so begun the first's step.
  void AwaitChunks(double chunks) {
    while (metrics_.received_chunks.Value() < chunks) std::this_thread::yield();
  }
  int64_t NextStep() {
    const auto listed =
        Call(&v1::StepService::Stub::ListSessions, v1::ListSessionsRequest());
    return listed->sessions(0).next_step();
  }
};

TEST_F(StepStreamTest, EqualsUnaryStepsAndTheRuleInProcess) {
  const auto expected = InProcess(4);
  const std::string session = OpenLarge();
  TestStream stream(*stub_);
  SendStep(stream, session, 1);
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[0]));
  SendStep(stream, session, 2);
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[1]));
  ExpectUnaryStep(session, 3, expected[2]);
  SendStep(stream, session, 4);
  stream.CloseSending();
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[3]));
  EXPECT_OK(stream.Finish());
}

TEST_F(StepStreamTest, ANanInTheLastChunkLeavesTheSessionAsBefore) {
  const auto expected = InProcess(2);
  const std::string session = OpenLarge();
  TestStream stream(*stub_);
  SendStep(stream, session, 1);
  ASSERT_OK(stream.Read(kCoordinates));
  ASSERT_TRUE(stream.Begin(session, 2, kCoordinates));
  auto gradient = TestGradient(2, kCoordinates);
  gradient.back() = std::numeric_limits<float>::quiet_NaN();
  const auto all = absl::MakeConstSpan(gradient);
  ASSERT_TRUE(stream.SendGradient(all.first(kChunkCoordinates)));
  ASSERT_TRUE(stream.SendGradient(all.subspan(kChunkCoordinates)));
  const absl::Status refused = stream.Finish();
  EXPECT_EQ(ReasonOf(refused), kReasonGradientNotFinite);
  EXPECT_EQ(GetErrorInfo(refused)->metadata().at("tensor"), "w");
  EXPECT_EQ(GetErrorInfo(refused)->metadata().at("offset"),
            absl::StrCat(kCoordinates - 1));
  ExpectUnaryStep(session, 1, expected[0]);
  ExpectUnaryStep(session, 2, expected[1]);
}

TEST_F(StepStreamTest, AStreamThatBreaksInMidStepLeavesTheSessionAsBefore) {
  const auto expected = InProcess(1);
  const std::string session = OpenLarge();
  {
    TestStream broken(*stub_);
    ASSERT_TRUE(broken.Begin(session, 1, kCoordinates));
    ASSERT_TRUE(broken.SendGradient(TestGradient(7, kChunkCoordinates)));
    AwaitChunks(2);
    broken.Cancel();
  }
  TestStream stream(*stub_);
  SendStep(stream, session, 1);
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[0]));
}

TEST_F(StepStreamTest, TheSameNumberAgainGivesTheStoredAnswer) {
  const auto expected = InProcess(2);
  const std::string session = OpenLarge();
  TestStream stream(*stub_);
  SendStep(stream, session, 1);
  ASSERT_OK(stream.Read(kCoordinates));
  // By its begin alone, and with a gradient that is ignored.
  ASSERT_TRUE(stream.Begin(session, 1, kCoordinates));
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[0]));
  ASSERT_TRUE(stream.Begin(session, 1, kCoordinates));
  ASSERT_TRUE(stream.SendGradient(TestGradient(9, 100)));
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[0]));
  ASSERT_TRUE(stream.SendGradient(TestGradient(9, kChunkCoordinates)));
  SendStep(stream, session, 2);
  EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(expected[1]));
}

TEST_F(StepStreamTest, AGapIsRefusedWithTheNumberExpected) {
  const std::string session = OpenLarge();
  TestStream stream(*stub_);
  ASSERT_TRUE(stream.Begin(session, 3, kCoordinates));
  const absl::Status gap = stream.Finish();
  EXPECT_EQ(gap.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorInfo(gap)->metadata().at("expected_step"), "1");
}

TEST_F(StepStreamTest, UnknownSessionsAndFormatsAreRefused) {
  TestStream stream(*stub_);
  ASSERT_TRUE(stream.Begin("0", 1, kCoordinates));
  EXPECT_EQ(ReasonOf(stream.Finish()), kReasonSessionUnknown);
  TestStream other(*stub_);
  ASSERT_TRUE(other.Begin("0", 1, 1, static_cast<v1::FloatFormat>(9)));
  EXPECT_THAT(other.Finish(),
              StatusIs(StatusCode::kInvalidArgument,
                       testing::HasSubstr("gradient_format is 9")));
}

// How a gradient can have another size than the session.
TEST_F(StepStreamTest, WrongSizesAreRefused) {
  const std::string session = OpenLarge();
  const auto gradient = TestGradient(1, kCoordinates);
  const auto all = absl::MakeConstSpan(gradient);
  const auto refused = [&](auto send) {
    TestStream stream(*stub_);
    send(stream);
    return stream.Finish();
  };
  const std::vector<absl::Status> statuses = {
      refused([&](TestStream& s) { s.Begin(session, 1, kCoordinates - 1); }),
      refused([&](TestStream& s) { s.SendGradient(all.first(1)); }),
      refused([&](TestStream& s) {  // one too many
        s.Begin(session, 1, kCoordinates);
        s.SendGradient(all.first(kChunkCoordinates));
        s.SendGradient(all.first(kCoordinates - kChunkCoordinates + 1));
      }),
      refused([&](TestStream& s) {  // one too few
        s.Begin(session, 1, kCoordinates);
        s.SendGradient(all.first(kChunkCoordinates));
        s.CloseSending();
      }),
      refused([&](TestStream& s) {  // the next step too early
        s.Begin(session, 1, kCoordinates);
        s.SendGradient(all.first(kChunkCoordinates));
        s.Begin(session, 2, kCoordinates);
      }),
      refused([&](TestStream& s) {  // a part of a float
        s.Begin(session, 1, kCoordinates);
        v1::StepStreamRequest part;
        part.set_gradient("12345");
        s.Send(part);
      })};
  for (const absl::Status& status : statuses) {
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(status), kReasonGradientShape) << status;
  }
  ExpectUnaryStep(session, 1, InProcess(1)[0]);
}

TEST_F(StepStreamTest, TheNewerOfTwoStreamsGoesFirst) {
  const auto expected = InProcess(1);
  const std::string session = OpenLarge();
  TestStream older(*stub_);
  ASSERT_TRUE(older.Begin(session, 1, kCoordinates));
  ASSERT_TRUE(older.SendGradient(TestGradient(7, kChunkCoordinates)));
  AwaitChunks(2);
  TestStream newer(*stub_);
  SendStep(newer, session, 1);
  EXPECT_THAT(newer.Read(kCoordinates), IsOkAndHolds(expected[0]));
  const absl::Status preempted = older.Finish();
  EXPECT_EQ(preempted.code(), StatusCode::kAborted);
  EXPECT_EQ(ReasonOf(preempted), kReasonStepPreempted);
}

// A client that writes three steps and reads nothing. Its window of 64 KiB
// holds up the first update.
TEST_F(StepStreamTest, AClientThatDoesNotReadIsNotReadFrom) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 64 << 10);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto stub = v1::StepService::NewStub(
      grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", host_->port()),
                                grpc::InsecureChannelCredentials(), arguments));
  const auto expected = InProcess(3);
  const std::string session = OpenLarge();
  TestStream stream(*stub);
  std::thread writer([&] {
    for (int64_t step = 1; step <= 3; ++step) SendStep(stream, session, step);
  });
  while (NextStep() == 1) {
  }
  // The first step's five messages, and the begin of the second.
  EXPECT_LE(metrics_.received_chunks.Value(), 6);
  for (const auto& update : expected) {
    EXPECT_THAT(stream.Read(kCoordinates), IsOkAndHolds(update));
  }
  writer.join();
  EXPECT_EQ(metrics_.received_chunks.Value(), 15);
}

// Gradients of a power of two are exact in every format, so the update alone is
// rounded, once.
TEST_F(StepStreamTest, HalfFormatsRoundTheUpdateOnce) {
  v1::OpenSessionRequest request;
  request.set_request_id("a");
  request.mutable_hand_designed()->mutable_sgd()->set_learning_rate(0.3);
  request.add_tensors()->set_name("scalar");
  const std::string session = StepServiceTest::Open(request);
  TestStream stream(*stub_);
  int64_t step = 0;
  for (const auto format : {v1::BFLOAT16, v1::FLOAT16}) {
    ASSERT_TRUE(stream.Begin(session, ++step, 1, format));
    ASSERT_TRUE(stream.SendGradient({0.25f}, format));
    std::string wire;
    EncodeFloats(format, {-0.3f * 0.25f}, wire);
    std::vector<float> rounded(1);
    DecodeFloats(format, wire, absl::MakeSpan(rounded));
    EXPECT_NE(rounded[0], -0.3f * 0.25f);
    EXPECT_THAT(stream.Read(1, format), IsOkAndHolds(rounded));
  }
}

TEST_F(StepStreamTest, CountsChunksBytesAndSteps) {
  const std::string session = OpenLarge();
  {
    TestStream stream(*stub_);
    SendStep(stream, session, 1);
    ASSERT_OK(stream.Read(kCoordinates));
    EXPECT_EQ(metrics_.streams.Value(), 1);
    stream.CloseSending();
    EXPECT_OK(stream.Finish());
  }
  EXPECT_EQ(metrics_.received_chunks.Value(), 5);
  EXPECT_EQ(metrics_.sent_chunks.Value(), 2);
  EXPECT_EQ(metrics_.received_bytes.Value(), 4 * kCoordinates);
  EXPECT_EQ(metrics_.sent_bytes.Value(), 4 * kCoordinates);
  EXPECT_EQ(metrics_.coordinates.Value(), kCoordinates);
}

}  // namespace
}  // namespace metastep
