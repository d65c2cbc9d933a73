#include "base/child_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;

std::filesystem::path NewLog(const std::string& name) {
  const auto path = std::filesystem::path(testing::TempDir()) / name;
  std::filesystem::remove(path);
  return path;
}

int WaitStatusOf(const ChildCommand& command) {
  const auto pid = StartChild(command);
  EXPECT_OK(pid);
  int status = 0;
  waitpid(*pid, &status, 0);
  return status;
}

TEST(ChildProcessTest, WritesBothOutputsToTheLogAndTellsItsExitCode) {
  const auto log = NewLog("child_log");
  const int status =
      WaitStatusOf({"/bin/sh", {"-c", "echo out; echo err >&2; exit 3"}, log});
  EXPECT_EQ(DescribeExit(status), "exited with code 3");
  EXPECT_EQ(TailOf(log, 10), "out\nerr");
}

TEST(ChildProcessTest, ReadsTheInputThatItIsGiven) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "3\n", 2), 2);
  const int status = WaitStatusOf({.binary = "/bin/sh",
                                   .arguments = {"-c", "read code; exit $code"},
                                   .log = NewLog("child_input_log"),
                                   .stdin_descriptor = ends[0]});
  close(ends[0]);
  close(ends[1]);
  EXPECT_EQ(DescribeExit(status), "exited with code 3");
}

TEST(ChildProcessTest, SaysWhichSignalKilledIt) {
  const int status = WaitStatusOf(
      {"/bin/sh", {"-c", "kill -9 $$"}, NewLog("child_signal_log")});
  EXPECT_EQ(DescribeExit(status), "was killed by signal 9 (Killed)");
}

TEST(ChildProcessTest, AMissingProgramIsAnErrorThatNamesIt) {
  EXPECT_THAT(StartChild({"/no/such/program", {}, NewLog("no_log")}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("/no/such/program")));
}

TEST(ChildProcessTest, ChildrenGetSignalsThatTheParentBlocks) {
  sigset_t term, before;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &term, &before);
  const int status = WaitStatusOf(
      {"/bin/sh", {"-c", "kill -TERM $$; exit 0"}, NewLog("child_mask_log")});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(ChildProcessTest, TailIsTheLastLines) {
  const auto path = NewLog("tail");
  EXPECT_EQ(TailOf(path, 2), "");
  std::ofstream(path) << "\n";
  EXPECT_EQ(TailOf(path, 2), "");
  std::ofstream(path) << "one\ntwo\nthree\n";
  EXPECT_EQ(TailOf(path, 2), "two\nthree");
  EXPECT_EQ(TailOf(path, 3), "one\ntwo\nthree");
  EXPECT_EQ(TailOf(path, 9), "one\ntwo\nthree");
}

}  // namespace
}  // namespace metastep
