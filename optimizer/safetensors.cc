#include "optimizer/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "optimizer/spec_fields.h"

namespace metastep {
namespace {

using Json = nlohmann::json;

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kElementBytes = 4;
constexpr char kMetadata[] = "__metadata__";

template <typename... Parts>
absl::Status Malformed(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("safetensors: ", parts...));
}

// A value of the header as an error shows it: what kind it is, not all of it.
std::string Kind(const Json& value) { return value.type_name(); }

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", Shown(name), "\"");
}

struct Sections {
  absl::string_view header;
  absl::string_view data;
};

absl::StatusOr<Sections> Split(absl::string_view bytes) {
  if (bytes.size() < kLengthBytes) {
    return Malformed("expected 8 bytes of header length, found ", bytes.size());
  }
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | static_cast<unsigned char>(bytes[i]);
  }
  if (length > uint64_t{kMaxSafetensorsHeaderBytes}) {
    return Malformed("header length is ", length, "; must be at most ",
                     kMaxSafetensorsHeaderBytes);
  }
  const absl::string_view rest = bytes.substr(kLengthBytes);
  if (length > rest.size()) {
    return Malformed("header length is ", length, ", but only ", rest.size(),
                     " bytes follow it");
  }
  return Sections{rest.substr(0, length), rest.substr(length)};
}

// Notes the first key that an object has twice, which a JSON library would let
// the last of them win silently. Not thread-safe.
class DuplicateFinder {
 public:
  bool operator()(int /*depth*/, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) {
      open_objects_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      open_objects_.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!open_objects_.back().insert(key).second) duplicates_.push_back(key);
    }
    return true;
  }
  const std::vector<std::string>& duplicates() const { return duplicates_; }

 private:
  std::vector<std::set<std::string>> open_objects_;
  std::vector<std::string> duplicates_;
};

absl::StatusOr<Json> ParseHeader(absl::string_view header) {
  if (header.empty() || header.front() != '{') {
    return Malformed("header must start with '{'");
  }
  DuplicateFinder finder;
  Json json;
  try {
    json = Json::parse(header.begin(), header.end(), std::ref(finder));
  } catch (const Json::exception& error) {
    return Malformed("header is not JSON: ", Shown(error.what(), 200));
  }
  if (!finder.duplicates().empty()) {
    return Malformed("header has the key ", Quoted(finder.duplicates().front()),
                     " twice in one object");
  }
  return json;
}

absl::StatusOr<std::map<std::string, std::string>> ReadMetadata(
    const Json& json) {
  if (!json.is_object()) {
    return Malformed("__metadata__ must be an object, is ", Kind(json));
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return Malformed("__metadata__ ", Quoted(key), " must be a string, is ",
                       Kind(value));
    }
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// An array of whole numbers that are not negative.
absl::StatusOr<std::vector<uint64_t>> ReadNumbers(const Json& json) {
  if (!json.is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be an array, is ", Kind(json)));
  }
  std::vector<uint64_t> numbers;
  for (const Json& value : json) {
    if (!value.is_number_unsigned()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "[", numbers.size(), "] must be a whole number of at least 0, is ",
          value.is_number() ? value.dump() : Kind(value)));
    }
    numbers.push_back(value.get<uint64_t>());
  }
  return numbers;
}

// Where a tensor's bytes lie in the data section.
struct Extent {
  uint64_t begin;
  uint64_t end;
};

absl::StatusOr<Extent> ReadExtent(const Json& json, uint64_t data_bytes) {
  METASTEP_ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets,
                            ReadNumbers(json));
  if (offsets.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("must have 2 elements, has ", offsets.size()));
  }
  if (offsets[0] > offsets[1] || offsets[1] > data_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "are ", offsets[0], " to ", offsets[1],
        "; must be in order and within the ", data_bytes, " bytes of data"));
  }
  return Extent{offsets[0], offsets[1]};
}

// Checks that a shape has as many elements as `bytes` holds, without
// overflowing on one that has more.
absl::Status CheckShape(const std::vector<uint64_t>& shape, uint64_t bytes) {
  uint64_t elements = 1;
  bool fits = true;
  for (const uint64_t size : shape) {
    fits = fits && size > 0 && elements <= bytes / size;
    if (fits) elements *= size;
  }
  if (fits && elements * kElementBytes == bytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      Shown(absl::StrCat("[", absl::StrJoin(shape, ", "), "]")),
      " does not make up the ", bytes, " bytes between its offsets"));
}

struct PlacedTensor {
  SafetensorsTensor tensor;
  Extent extent;
};

absl::StatusOr<PlacedTensor> ReadTensor(const std::string& name,
                                        const Json& json,
                                        absl::string_view data) {
  const std::string where = absl::StrCat("tensor ", Quoted(name));
  // With unique keys, three of them that include these are these.
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") ||
      !json.contains("shape") || !json.contains("data_offsets")) {
    return Malformed(where, " must have dtype, shape and data_offsets alone");
  }
  if (json["dtype"] != "F32") {
    return Malformed(
        where, ": dtype must be \"F32\"",
        json["dtype"].is_string()
            ? absl::StrCat(", is ",
                           Quoted(json["dtype"].get_ref<const std::string&>()))
            : "");
  }
  const absl::StatusOr<Extent> extent =
      ReadExtent(json["data_offsets"], data.size());
  if (!extent.ok()) {
    return Malformed(where, ": data_offsets ", extent.status().message());
  }
  const absl::StatusOr<std::vector<uint64_t>> shape =
      ReadNumbers(json["shape"]);
  const uint64_t bytes = extent->end - extent->begin;
  const absl::Status fits =
      shape.ok() ? CheckShape(*shape, bytes) : shape.status();
  if (!fits.ok()) return Malformed(where, ": shape ", fits.message());
  return PlacedTensor{
      {name, {shape->begin(), shape->end()}, data.substr(extent->begin, bytes)},
      *extent};
}

// Sorts the tensors by where they lie and checks that they tile the data.
absl::Status CheckTiling(std::vector<PlacedTensor>& tensors,
                         uint64_t data_bytes) {
  std::sort(tensors.begin(), tensors.end(),
            [](const PlacedTensor& a, const PlacedTensor& b) {
              return std::pair(a.extent.begin, a.extent.end) <
                     std::pair(b.extent.begin, b.extent.end);
            });
  uint64_t covered = 0;
  for (const PlacedTensor& placed : tensors) {
    const Extent extent = placed.extent;
    if (extent.begin != covered) {
      return Malformed("tensor ", Quoted(placed.tensor.name), " begins at ",
                       extent.begin, "; the one before it ends at ", covered,
                       extent.begin < covered ? " (an overlap)" : " (a hole)");
    }
    covered = extent.end;
  }
  if (covered != data_bytes) {
    return Malformed("the tensors end at ", covered, ", the data at ",
                     data_bytes, " (a hole)");
  }
  return absl::OkStatus();
}

void AppendLittleEndian(uint64_t value, std::string& out) {
  for (size_t i = 0; i < kLengthBytes; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i)));
  }
}

}  // namespace

absl::StatusOr<Safetensors> ReadSafetensors(absl::string_view bytes) {
  METASTEP_ASSIGN_OR_RETURN(const Sections sections, Split(bytes));
  METASTEP_ASSIGN_OR_RETURN(const Json header, ParseHeader(sections.header));
  Safetensors file;
  std::vector<PlacedTensor> placed;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadata) {
      METASTEP_ASSIGN_OR_RETURN(file.metadata, ReadMetadata(value));
      continue;
    }
    METASTEP_ASSIGN_OR_RETURN(PlacedTensor tensor,
                              ReadTensor(name, value, sections.data));
    placed.push_back(std::move(tensor));
  }
  METASTEP_RETURN_IF_ERROR(CheckTiling(placed, sections.data.size()));
  for (PlacedTensor& tensor : placed) {
    file.tensors.push_back(std::move(tensor.tensor));
  }
  return file;
}

std::string WriteSafetensors(const Safetensors& file) {
  // Keeps keys in the order in which they are added.
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) json[kMetadata] = file.metadata;
  uint64_t offset = 0;
  for (const SafetensorsTensor& tensor : file.tensors) {
    const uint64_t end = offset + tensor.data.size();
    json[tensor.name] = {{"dtype", "F32"},
                         {"shape", tensor.shape},
                         {"data_offsets", {offset, end}}};
    offset = end;
  }
  // A string that is not UTF-8 must not make an exception of a file.
  std::string header =
      json.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                nlohmann::ordered_json::error_handler_t::replace);
  // Readers that map the file want the data aligned; the format pads by spaces.
  header.resize((header.size() + 7) / 8 * 8, ' ');

  std::string bytes;
  bytes.reserve(kLengthBytes + header.size() + offset);
  AppendLittleEndian(header.size(), bytes);
  bytes += header;
  for (const SafetensorsTensor& tensor : file.tensors) {
    bytes.append(tensor.data.data(), tensor.data.size());
  }
  return bytes;
}

}  // namespace metastep
