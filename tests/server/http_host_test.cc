#include "server/http_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <prometheus/counter.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metastep/v1/run_service.pb.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::HasSubstr;
using testing::Not;

absl::StatusOr<std::unique_ptr<google::protobuf::Message>> GetRun(
    const HttpQuery& query) {
  const auto id = query.find("run_id");
  if (id == query.end()) return absl::NotFoundError("there is no run \"\"");
  auto run = std::make_unique<v1::Run>();
  run->set_run_id(id->second);
  run->set_phi_sha256("</script>");
  return run;
}

class HttpHostTest : public testing::Test {
 protected:
  HttpHostTest() {
    prometheus::BuildCounter()
        .Name("metastep_x_total")
        .Register(registry_)
        .Add({});
    auto host = HttpHost::Start("127.0.0.1:0", registry_, {{"run", &GetRun}});
    EXPECT_OK(host);
    host_ = *std::move(host);
  }

  httplib::Result Get(const std::string& path) {
    httplib::Client client("127.0.0.1", host_->port());
    return client.Get(path.c_str());
  }

  prometheus::Registry registry_;
  std::unique_ptr<HttpHost> host_;
};

TEST_F(HttpHostTest, ServesMetrics) {
  const auto answer = Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->body, HasSubstr("metastep_x_total 0"));
}

TEST_F(HttpHostTest, ServesAPageThatLoadsNothingFromElsewhere) {
  const auto answer = Get("/");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->body, HasSubstr("</html>"));
  EXPECT_THAT(answer->body, Not(HasSubstr("https:")));
  EXPECT_THAT(answer->get_header_value("Content-Security-Policy"),
              HasSubstr("default-src 'none'"));
}

// There are four threads: as many connections that idle, and yet an answer.
TEST_F(HttpHostTest, IdleConnectionsKeepNobodyWaiting) {
  std::vector<std::unique_ptr<httplib::Client>> idle;
  for (int i = 0; i < 4; ++i) {
    idle.push_back(
        std::make_unique<httplib::Client>("127.0.0.1", host_->port()));
    idle.back()->set_keep_alive(true);
    const auto answer = idle.back()->Get("/");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->get_header_value("Connection"), "close");
  }
  EXPECT_TRUE(Get("/metrics"));
}

TEST_F(HttpHostTest, AnswersMessagesAsJson) {
  const auto answer = Get("/api/run?run_id=a%22b");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->get_header_value("Content-Type"), "application/json");
  // Protobuf's JSON escapes '<' and '>', so that no page can be broken by it.
  EXPECT_EQ(answer->body,
            R"({"run_id":"a\"b","phi_sha256":"\u003c/script\u003e"})");
}

TEST_F(HttpHostTest, ErrorsHaveTheirStatusAndMessage) {
  const auto missing = Get("/api/run");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "there is no run \"\"");
  EXPECT_EQ(Get("/api/other")->status, 404);
}

TEST_F(HttpHostTest, APortThatIsTakenIsNamed) {
  const std::string address = absl::StrCat("127.0.0.1:", host_->port());
  EXPECT_THAT(HttpHost::Start(address, registry_, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(address)));
}

TEST_F(HttpHostTest, AnAddressThatIsNoneIsNamed) {
  for (const char* address : {"", "9464", ":9464", "host:", "host:65536"}) {
    EXPECT_THAT(HttpHost::Start(address, registry_, {}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("\"", address, "\""))));
  }
}

TEST_F(HttpHostTest, EndsAtOnce) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_OK(HttpHost::Start("127.0.0.1:0", registry_, {}));
  }
}

}  // namespace
}  // namespace metastep
