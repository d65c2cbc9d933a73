#include "worker/phi_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "rpc/float_bytes.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

v1::FetchPhiRequest RunPhi(int64_t version) {
  v1::FetchPhiRequest source;
  source.mutable_run()->set_run_id("run");
  source.mutable_run()->set_phi_version(version);
  return source;
}

// Answers with two floats, the version and its square, and notes what it is
// asked for.
class FakeServer {
 public:
  absl::StatusOr<v1::FetchPhiResponse> operator()(
      const v1::FetchPhiRequest& source) {
    const float version = source.run().phi_version();
    asked.push_back(source.run().phi_version());
    if (!error.ok()) return error;
    v1::FetchPhiResponse response;
    response.set_phi(FloatsToBytes({version, version * version}) + extra);
    v1::GroupRuleSpec& group = *response.add_rules();
    group.set_name("lstm");
    group.mutable_rule()->mutable_lstm()->set_preset(v1::LstmSpec::PAPER);
    return response;
  }

  std::vector<int64_t> asked;
  absl::Status error;
  std::string extra;
};

TEST(PhiCacheTest, FetchesAVersionOnce) {
  FakeServer server;
  PhiCache cache(/*max_bytes=*/100, std::ref(server));
  for (const int64_t version : {3, 4, 3, 4}) {
    ASSERT_OK_AND_ASSIGN(const auto phi, cache.Get(RunPhi(version)));
    EXPECT_THAT(phi->values, ElementsAre(version, version * version));
  }
  EXPECT_THAT(server.asked, ElementsAre(3, 4));
}

TEST(PhiCacheTest, ResolvesTheRules) {
  FakeServer server;
  PhiCache cache(/*max_bytes=*/100, std::ref(server));
  ASSERT_OK_AND_ASSIGN(const auto phi, cache.Get(RunPhi(0)));
  ASSERT_EQ(phi->rules.size(), 1);
  EXPECT_THAT(phi->rules[0].rule().lstm().hidden(), ElementsAre(20, 20));
}

TEST(PhiCacheTest, ForgetsTheVersionUsedLongestAgo) {
  FakeServer server;
  // A phi has 8 bytes: there is room for two.
  PhiCache cache(/*max_bytes=*/17, std::ref(server));
  for (const int64_t version : {1, 2, 1, 3, 1, 2}) {
    ASSERT_OK(cache.Get(RunPhi(version)));
  }
  EXPECT_THAT(server.asked, ElementsAre(1, 2, 3, 2));
}

TEST(PhiCacheTest, DoesNotKeepAnError) {
  FakeServer server;
  server.error = absl::NotFoundError("no such version");
  PhiCache cache(/*max_bytes=*/100, std::ref(server));
  EXPECT_EQ(cache.Get(RunPhi(1)).status(), server.error);
  server.error = absl::OkStatus();
  EXPECT_OK(cache.Get(RunPhi(1)));
}

TEST(PhiCacheTest, RefusesBytesThatAreNoFloats) {
  FakeServer server;
  server.extra = "xyz";
  PhiCache cache(/*max_bytes=*/100, std::ref(server));
  EXPECT_THAT(cache.Get(RunPhi(1)), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("11 bytes")));
}

}  // namespace
}  // namespace metastep
