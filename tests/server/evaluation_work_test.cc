#include "server/evaluation_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "optimizer/run_spec.h"
#include "tests/support/run_specs.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

// Two entries, "a" and "b", on two tasks of one step: shards a0, a1, b0, b1.
EvaluationWork Work(bool keep_theta) {
  v1::RunSpec spec = Parse(R"(
    name: "eval"
    task { square {} }
    evaluation {
      entries { label: "a" hand_designed { sgd { learning_rate: 0 } } }
      entries { label: "b" hand_designed { sgd { learning_rate: 1 } } }
      tasks: 2
      steps: 1
    })");
  spec.mutable_evaluation()->set_keep_theta(keep_theta);
  return EvaluationWork(ResolveRunSpec(spec).value());
}

v1::SubmitResultRequest Result(size_t theta_bytes) {
  v1::SubmitResultRequest result;
  result.mutable_evaluation()->add_losses(2);
  result.mutable_evaluation()->add_losses(1);
  result.mutable_evaluation()->set_final_theta(std::string(theta_bytes, 1));
  return result;
}

void ExpectRefused(EvaluationWork& work, int shard, size_t theta_bytes,
                   const std::string& why) {
  EXPECT_THAT(work.Take(shard, Result(theta_bytes)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(EvaluationWorkTest, TakesThetaOfTheFirstTaskAlone) {
  EvaluationWork work = Work(/*keep_theta=*/true);
  EXPECT_OK(work.Take(0, Result(8)));
  ExpectRefused(work, 1, 8, "8 bytes of theta, which is not kept");
  EXPECT_OK(work.Take(1, Result(0)));
  EXPECT_OK(work.Take(2, Result(8)));
}

TEST(EvaluationWorkTest, TakesNoThetaUnasked) {
  EvaluationWork work = Work(/*keep_theta=*/false);
  ExpectRefused(work, 0, 8, "8 bytes of theta, which is not kept");
  EXPECT_OK(work.Take(0, Result(0)));
}

// 65,536 floats are 262,144 bytes.
TEST(EvaluationWorkTest, AThetaIsOfTheRightSize) {
  EvaluationWork work = Work(/*keep_theta=*/true);
  ExpectRefused(work, 0, 0, "theta has 0 bytes");
  ExpectRefused(work, 0, 6, "theta has 6 bytes");
  ExpectRefused(work, 0, 262148, "at most 262144 bytes");
  EXPECT_OK(work.Take(0, Result(262144)));
  ExpectRefused(work, 2, 8, "another entry's of the same task has 262144");
}

}  // namespace
}  // namespace metastep
