#include "base/log_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> CurrentNames() {
  std::vector<std::string> names;
  for (const LogField& field : LogFields::Current()) {
    names.emplace_back(field.name);
  }
  return names;
}

TEST(LogFieldsTest, ScopesNest) {
  const LogFields outer{{"run", "mnist-1"}, {"round", 3}};
  {
    const LogFields inner{{"shard", 7}};
    EXPECT_THAT(CurrentNames(), ElementsAre("run", "round", "shard"));
  }
  EXPECT_THAT(CurrentNames(), ElementsAre("run", "round"));
}

TEST(LogFieldsTest, KeepTextsAndNumbers) {
  const LogFields fields{{"run", "mnist-1"}, {"round", int64_t{1} << 40}};
  ASSERT_EQ(LogFields::Current().size(), 2u);
  EXPECT_EQ(std::get<std::string>(LogFields::Current()[0].value), "mnist-1");
  EXPECT_EQ(std::get<int64_t>(LogFields::Current()[1].value), int64_t{1} << 40);
}

TEST(LogFieldsTest, AreOfOneThread) {
  const LogFields fields{{"run", "mnist-1"}};
  std::vector<std::string> elsewhere = {"not looked at"};
  std::thread([&] { elsewhere = CurrentNames(); }).join();
  EXPECT_THAT(elsewhere, IsEmpty());
}

}  // namespace
}  // namespace metastep
