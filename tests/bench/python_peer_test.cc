#include "bench/python_peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "bench/problem_folder.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using ::testing::HasSubstr;

// The interpreter is a shell here, and the script what a peer would print.
class PythonPeerTest : public ::testing::Test {
 protected:
  absl::StatusOr<Contender> Start(const std::string& script) {
    const std::filesystem::path path = folder_->path() / "peer.sh";
    std::ofstream(path) << script;
    return PythonContender("sh", path, problem_);
  }

  std::unique_ptr<ProblemFolder> folder_ = ProblemFolder::Make().value();
  PeerProblem problem_ = {.folder = folder_->path(),
                          .expected = {3, 4},
                          .tolerance = 0.01,
                          .work = 6,
                          .unit = "1/s"};
};

TEST_F(PythonPeerTest, MeasuresWhenItIsAsked) {
  ASSERT_OK(folder_->Write("peer.sh", problem_.expected));
  const auto contender = Start(
      "echo '{\"name\": \"peer\"}'; read ask && echo 2; read ask && echo 3");
  ASSERT_OK(contender);
  EXPECT_EQ(contender->what, "peer");
  // 6 units in 2 and in 3 seconds.
  EXPECT_EQ(contender->measure().value(), 3);
  EXPECT_EQ(contender->measure().value(), 2);
}

TEST_F(PythonPeerTest, ItsResultMustBeOurs) {
  // Off by 0.1 where the norm is 5: 0.02.
  ASSERT_OK(folder_->Write("peer.sh", std::vector<float>{3, 4.1f}));
  EXPECT_THAT(Start("echo '{\"name\": \"peer\"}'"),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("difference is 0.02; limit 0.01")));
}

TEST_F(PythonPeerTest, WhatIsNotInstalledIsNotFound) {
  EXPECT_THAT(Start("echo '{\"missing\": \"jax\"}'"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("not installed: sh has no jax")));
}

TEST_F(PythonPeerTest, AnInterpreterThatIsNotThereIsNotFound) {
  EXPECT_THAT(
      PythonContender("/no/such/python", "peer.py", problem_),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("no /no/such/python")));
}

TEST_F(PythonPeerTest, TellsWhatAPeerThatDiesSaidLast) {
  EXPECT_THAT(Start("echo 'no memory' >&2; exit 3"),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("exited with code 3: no memory")));
}

}  // namespace
}  // namespace metastep
