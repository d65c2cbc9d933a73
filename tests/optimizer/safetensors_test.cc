#include "optimizer/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/support/status_matchers.h"

namespace metastep {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

// A file by hand: the header's length, the header, the data.
std::string File(absl::string_view header, absl::string_view data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) {
    bytes.push_back(static_cast<char>(uint64_t{header.size()} >> (8 * i)));
  }
  return absl::StrCat(bytes, header, data);
}

// 1.0f is 0x3F800000, -2.0f is 0xC0000000.
constexpr absl::string_view kOne("\x00\x00\x80\x3F", 4);
constexpr absl::string_view kMinusTwo("\x00\x00\x00\xC0", 4);

std::string Data() { return absl::StrCat(kOne, kMinusTwo, kOne); }

// The header has 32 + 55 + 60 = 147 characters, line by line; five spaces pad
// it to 152, 0x98.
std::string GoldenFile() {
  return absl::StrCat(
      absl::string_view("\x98\0\0\0\0\0\0\0", 8),
      R"({"__metadata__":{"key":"value"},)"
      R"("a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("b.scalar":{"dtype":"F32","shape":[],"data_offsets":[8,12]}})",
      "     ", Data());
}

Safetensors GoldenContents(absl::string_view data) {
  return {
      {{"key", "value"}},
      {{"a", {2, 1}, data.substr(0, 8)}, {"b.scalar", {}, data.substr(8, 4)}}};
}

TEST(SafetensorsTest, WritesTheGoldenFile) {
  const std::string data = Data();
  EXPECT_EQ(WriteSafetensors(GoldenContents(data)), GoldenFile());
}

TEST(SafetensorsTest, ReadsTheGoldenFile) {
  const std::string bytes = GoldenFile();
  ASSERT_OK_AND_ASSIGN(const Safetensors file, ReadSafetensors(bytes));
  EXPECT_THAT(file.metadata, ElementsAre(Pair("key", "value")));
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].name, "a");
  EXPECT_THAT(file.tensors[0].shape, ElementsAre(2, 1));
  EXPECT_EQ(file.tensors[0].data, absl::StrCat(kOne, kMinusTwo));
  EXPECT_EQ(file.tensors[1].name, "b.scalar");
  EXPECT_THAT(file.tensors[1].shape, ElementsAre());
  EXPECT_EQ(file.tensors[1].data, kOne);
}

// Header keys may come in any order; the data's order counts.
TEST(SafetensorsTest, OrdersTensorsByTheirData) {
  const std::string bytes =
      File(R"({"a":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},)"
           R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
           absl::StrCat(kOne, kMinusTwo));
  ASSERT_OK_AND_ASSIGN(const Safetensors file, ReadSafetensors(bytes));
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_EQ(file.tensors[0].name, "b");
  EXPECT_EQ(file.tensors[1].data, kMinusTwo);
}

TEST(SafetensorsTest, ReadsAFileWithoutTensors) {
  ASSERT_OK_AND_ASSIGN(const Safetensors file, ReadSafetensors(File("{}", "")));
  EXPECT_TRUE(file.tensors.empty());
  EXPECT_TRUE(file.metadata.empty());
}

TEST(SafetensorsTest, EscapesWhatJsonMustEscape) {
  const Safetensors file = {{{"quote\"", "back\\slash\n\xC3\xA9"}}, {}};
  const std::string bytes = WriteSafetensors(file);
  ASSERT_OK_AND_ASSIGN(const Safetensors read, ReadSafetensors(bytes));
  EXPECT_EQ(read.metadata, file.metadata);
}

TEST(SafetensorsTest, RejectsEveryTruncation) {
  const std::string bytes = GoldenFile();
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(ReadSafetensors(absl::string_view(bytes).substr(0, size)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         testing::StartsWith("safetensors: ")))
        << size;
  }
}

TEST(SafetensorsTest, SaysWhatIsWrongWithTheLength) {
  EXPECT_THAT(ReadSafetensors("1234567"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "safetensors: expected 8 bytes of header length, found "
                       "7"));
  EXPECT_THAT(ReadSafetensors(std::string(8, '\xFF')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "safetensors: header length is 18446744073709551615; "
                       "must be at most 1048576"));
  EXPECT_THAT(ReadSafetensors(absl::string_view("\x03\0\0\0\0\0\0\0{}", 10)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "safetensors: header length is 3, but only 2 bytes "
                       "follow it"));
}

// A header that is wrong in one way, over 8 bytes of data.
TEST(SafetensorsTest, SaysWhatIsWrongWithTheHeader) {
  const struct {
    const char* header;
    const char* problem;
  } kCases[] = {
      {"", "must start with '{'"},
      {" {}", "must start with '{'"},
      {"[]", "must start with '{'"},
      {"{", "is not JSON"},
      {"{} {}", "is not JSON"},
      {"{\"a\":\"\xFF\"}", "is not JSON"},
      {R"({"a":1e999})", "is not JSON"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "has the key \"a\" twice"},
      {R"({"a":{"dtype":"F16","dtype":"F32","shape":[2],)"
       R"("data_offsets":[0,8]}})",
       "has the key \"dtype\" twice"},
      {R"({"__metadata__":{"k":"1","k":"2"}})", "has the key \"k\" twice"},
      {R"({"__metadata__":["k"]})", "__metadata__ must be an object, is array"},
      {R"({"__metadata__":{"k":1}})",
       "__metadata__ \"k\" must be a string, is number"},
      {R"({"a":3})", "must have dtype, shape and data_offsets alone"},
      {R"({"a":{"dtype":"F32","shape":[2]}})", "alone"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})",
       "alone"},
      {R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})",
       "tensor \"a\": dtype must be \"F32\", is \"F16\""},
      {R"({"a":{"dtype":32,"shape":[2],"data_offsets":[0,8]}})",
       "dtype must be \"F32\""},
      {R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})",
       "shape must be an array, is number"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
       "shape [0] must be a whole number of at least 0, is -2"},
      {R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", "is 2.0"},
      {R"({"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}})",
       "is string"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
       "shape [3] does not make up the 8 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})",
       "shape [1] does not make up the 8 bytes"},
      {R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})",
       "shape [0] does not make up the 0 bytes"},
      // (2^63 + 1) * 2 elements wrap around to the 2 that there are.
      {R"({"a":{"dtype":"F32","shape":[9223372036854775809,2],)"
       R"("data_offsets":[0,8]}})",
       "shape [9223372036854775809, 2] does not make up"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551615],)"
       R"("data_offsets":[0,8]}})",
       "shape [18446744073709551615] does not make up"},
      {R"({"a":{"dtype":"F32","shape":[1000000000000],)"
       R"("data_offsets":[0,4000000000000]}})",
       "data_offsets are 0 to 4000000000000; must be in order and within the 8 "
       "bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})",
       "data_offsets are 8 to 4"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})",
       "data_offsets must have 2 elements, has 3"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0.0,8]}})",
       "data_offsets [0] must be a whole number"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "tensor \"a\" begins at 4; the one before it ends at 0 (a hole)"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       "the tensors end at 4, the data at 8 (a hole)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "tensor \"b\" begins at 4; the one before it ends at 8 (an overlap)"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "(an overlap)"},
      {"{}", "the tensors end at 0, the data at 8 (a hole)"},
  };
  const std::string data = absl::StrCat(kOne, kMinusTwo);
  for (const auto& bad : kCases) {
    EXPECT_THAT(
        ReadSafetensors(File(bad.header, data)),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(bad.problem)))
        << bad.header;
  }
}

// As deep as a header can be; a parser that recursed would run out of stack.
TEST(SafetensorsTest, SurvivesDeepNesting) {
  const size_t depth = kMaxSafetensorsHeaderBytes / 2 - 4;
  EXPECT_THAT(
      ReadSafetensors(File(absl::StrCat("{\"a\":", std::string(depth, '['),
                                        std::string(depth, ']'), "}"),
                           "")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("alone")));
}

}  // namespace
}  // namespace metastep
