#include "client/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/state_folder.h"
#include "optimizee/cifar.h"
#include "optimizee/synthetic_digits.h"
#include "optimizee/synthetic_pictures.h"
#include "rpc/server_host.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Verdict = Finding::Verdict;

class DoctorTest : public testing::Test {
 protected:
  // A program that prints `output`.
  void WriteProgram(const std::string& name, const std::string& output) const {
    const fs::path path = dir() / name;
    std::ofstream(path) << "#!/bin/sh\necho '" << output << "'\n";
    fs::permissions(path, fs::perms::owner_all);
  }
  const fs::path& dir() const { return folder_->path(); }

  const std::unique_ptr<StateFolder> folder_ = *StateFolder::Open("");
};

TEST_F(DoctorTest, ProgramsMustBeThereAndOfOneVersion) {
  EXPECT_EQ(CheckPrograms(dir(), "1.2 (a)").verdict, Verdict::kBad);
  WriteProgram("metastep-server", "metastep-server 1.2 (a)");
  WriteProgram("metastep-worker", "metastep-worker 1.2 (b)");
  const Finding mixed = CheckPrograms(dir(), "1.2 (a)");
  EXPECT_EQ(mixed.verdict, Verdict::kBad);
  EXPECT_THAT(mixed.detail, HasSubstr("is \"metastep-worker 1.2 (b)\""));
  WriteProgram("metastep-worker", "metastep-worker 1.2 (a)");
  EXPECT_EQ(CheckPrograms(dir(), "1.2 (a)").verdict, Verdict::kGood);
}

TEST_F(DoctorTest, TheClockMustNotBeInThePast) {
  EXPECT_EQ(CheckClock(absl::UnixEpoch()).verdict, Verdict::kBad);
  EXPECT_EQ(CheckClock(absl::Now()).verdict, Verdict::kGood);
}

TEST_F(DoctorTest, StorageMustBeWritable) {
  const Finding good = CheckStorage(dir() / "state");
  EXPECT_NE(good.verdict, Verdict::kBad) << good.detail;
  EXPECT_TRUE(fs::is_empty(dir() / "state"));
  // A file is where the folder would be.
  std::ofstream(dir() / "file") << "x";
  EXPECT_EQ(CheckStorage(dir() / "file").verdict, Verdict::kBad);
}

TEST_F(DoctorTest, DataSetsMustBeWhole) {
  EXPECT_EQ(CheckData(dir()).verdict, Verdict::kNote);
  SyntheticDigitsOptions options;
  options.training_images = 20;
  options.test_images = 10;
  ASSERT_OK(WriteSyntheticDigits(dir() / "digits", options));
  const Finding good = CheckData(dir());
  EXPECT_EQ(good.verdict, Verdict::kGood);
  EXPECT_EQ(good.detail, "digits has 20 and 10 images");
  fs::resize_file(dir() / "digits" / "t10k-images-idx3-ubyte", 100);
  const Finding bad = CheckData(dir());
  EXPECT_EQ(bad.verdict, Verdict::kBad);
  EXPECT_THAT(bad.detail, HasSubstr("t10k-images-idx3-ubyte"));
}

TEST_F(DoctorTest, PicturesAreReadToo) {
  const fs::path folder = dir() / "pictures";
  fs::create_directory(folder);
  ASSERT_OK(WriteCifar(folder, MakeSyntheticPictures(/*seed=*/0, 3)));
  EXPECT_EQ(CheckData(dir()).detail, "pictures has 3 pictures");
  fs::resize_file(folder / "data_batch_1.bin", 100);
  EXPECT_EQ(CheckData(dir()).verdict, Verdict::kBad);
}

TEST_F(DoctorTest, APortIsFreeOrTaken) {
  std::string address;
  {
    const auto host = *ServerHost::Start({}, {});
    address = absl::StrCat("127.0.0.1:", host->port());
    EXPECT_EQ(CheckPort(address).verdict, Verdict::kNote);
  }
  EXPECT_EQ(CheckPort(address).verdict, Verdict::kGood);
  EXPECT_EQ(CheckPort("nonsense").verdict, Verdict::kBad);
}

// 203.0.113.0/24 is for documentation (RFC 5737): no host has an address of it.
TEST_F(DoctorTest, AnAddressOfAnotherHostIsNotTaken) {
  const Finding finding = CheckPort("203.0.113.5:7070");
  EXPECT_EQ(finding.verdict, Verdict::kBad);
  EXPECT_THAT(finding.detail, HasSubstr(std::strerror(EADDRNOTAVAIL)));
}

// The call took 10 s, and 5 s are let pass on either side.
TEST_F(DoctorTest, ASlowServerHasTheSameTimeButNotOneAheadOrBehind) {
  const absl::Time before = absl::UnixEpoch() + absl::Hours(10);
  const absl::Time after = before + absl::Seconds(10);
  const auto check = [&](absl::Duration since_before) {
    return CheckSameTime("host:1", before + since_before, before, after);
  };
  EXPECT_OK(check(absl::Seconds(-5)));
  EXPECT_OK(check(absl::Seconds(9)));
  EXPECT_OK(check(absl::Seconds(15)));
  EXPECT_THAT(
      check(absl::Seconds(-7)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("the clock of host:1 is 7s behind this host's")));
  EXPECT_THAT(
      check(absl::Seconds(17)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("the clock of host:1 is 7s ahead of this host's")));
}

}  // namespace
}  // namespace metastep
