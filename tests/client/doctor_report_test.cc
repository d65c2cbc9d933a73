#include "client/doctor_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace metastep {
namespace {

const Finding kBadStorage = {"storage", Finding::Verdict::kBad, "no room"};

TEST(DoctorReportTest, LinesUp) {
  EXPECT_EQ(FormatFinding(kBadStorage, /*color=*/false),
            "BAD   storage   no room\n");
  EXPECT_EQ(FormatFinding({"data", Finding::Verdict::kGood, "fine"},
                          /*color=*/false),
            "ok    data      fine\n");
}

TEST(DoctorReportTest, ColoursTheVerdictAlone) {
  EXPECT_EQ(FormatFinding(kBadStorage, /*color=*/true),
            "\x1b[31mBAD \x1b[0m  storage   no room\n");
}

TEST(DoctorReportTest, JsonHasAllOfIt) {
  const auto json = nlohmann::json::parse(FindingsJson({kBadStorage}));
  EXPECT_EQ(json, nlohmann::json::parse(R"([{"check": "storage",
      "verdict": "bad", "detail": "no room"}])"));
}

// U+FFFD stands for a byte that is no UTF-8.
TEST(DoctorReportTest, JsonIsUtf8WhateverAFileIsCalled) {
  const auto json = nlohmann::json::parse(
      FindingsJson({{"storage", Finding::Verdict::kBad, "/tmp/x\xff"}}));
  EXPECT_EQ(json[0].at("detail"), "/tmp/x\xef\xbf\xbd");
}

TEST(DoctorReportTest, NoColorIsHonoured) {
  EXPECT_TRUE(MayColor(/*is_terminal=*/true, nullptr));
  EXPECT_TRUE(MayColor(/*is_terminal=*/true, ""));
  EXPECT_FALSE(MayColor(/*is_terminal=*/true, "0"));
  EXPECT_FALSE(MayColor(/*is_terminal=*/false, nullptr));
}

}  // namespace
}  // namespace metastep
