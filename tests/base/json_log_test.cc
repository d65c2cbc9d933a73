#include "base/json_log.h"

#include <gtest/gtest.h>

namespace metastep {
namespace {

// 2026-01-31T12:00:00Z is 1769860800 s after the epoch (date -d ... +%s).
const absl::Time kTime =
    absl::FromUnixSeconds(1769860800) + absl::Milliseconds(250);

TEST(JsonLogTest, WritesOneObject) {
  EXPECT_EQ(JsonLogLine(kTime, "WARNING", "it failed",
                        {{"run", "mnist-1"}, {"shard", 7}}),
            R"({"time":"2026-01-31T12:00:00.250Z","severity":"WARNING",)"
            R"("message":"it failed","run":"mnist-1","shard":7})");
}

TEST(JsonLogTest, InnermostFieldWins) {
  EXPECT_EQ(
      JsonLogLine(kTime, "INFO", "", {{"run", "search"}, {"run", "trial-0"}}),
      R"({"time":"2026-01-31T12:00:00.250Z","severity":"INFO",)"
      R"("message":"","run":"trial-0"})");
}

// A peer's text must neither end the line nor the string.
TEST(JsonLogTest, EscapesWhatWouldBreakTheLine) {
  const std::string message("a \"quoted\" \\ line\nand a\0zero\x1b", 29);
  EXPECT_EQ(JsonLogLine(kTime, "ERROR", message, {{"worker", "w\n"}}),
            R"({"time":"2026-01-31T12:00:00.250Z","severity":"ERROR",)"
            R"("message":"a \"quoted\" \\ line\nand a\u0000zero\u001b",)"
            R"("worker":"w\n"})");
}

TEST(JsonLogTest, KeepsUtf8AndReplacesWhatIsNone) {
  // U+00E9 as it is; a lone continuation byte as U+FFFD, here and in a field.
  EXPECT_EQ(JsonLogLine(kTime, "INFO", "\xC3\xA9 \x80.", {{"run", "\xFF"}}),
            "{\"time\":\"2026-01-31T12:00:00.250Z\",\"severity\":\"INFO\","
            "\"message\":\"\xC3\xA9 \xEF\xBF\xBD.\",\"run\":\"\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace metastep
