#include "client/tensorboard.h"

#include <isa-l/crc.h>

#include <cstdint>

#include "client/tensorboard_event.pb.h"

namespace metastep {
namespace {

using tensorboard::Event;

template <typename Integer>
void AppendLittleEndian(Integer value, std::string& bytes) {
  for (size_t i = 0; i < sizeof(value); ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i)));
  }
}

// TFRecord's checksum: a CRC-32C that is rotated and shifted, so that data
// which holds checksums of its own is safe.
uint32_t MaskedChecksum(std::string bytes) {
  const uint32_t crc =
      ~crc32_iscsi(reinterpret_cast<unsigned char*>(bytes.data()),
                   static_cast<int>(bytes.size()), ~uint32_t{0});
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

// TFRecord's framing: length, its checksum, data, its checksum.
void AppendRecord(const std::string& data, std::string& file) {
  std::string length;
  AppendLittleEndian(uint64_t{data.size()}, length);
  file += length;
  AppendLittleEndian(MaskedChecksum(length), file);
  file += data;
  AppendLittleEndian(MaskedChecksum(data), file);
}

void AddScalar(const std::string& tag, double value, Event& event) {
  auto& scalar = *event.mutable_summary()->add_value();
  scalar.set_tag(tag);
  scalar.set_simple_value(static_cast<float>(value));
}

double Seconds(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + 1e-9 * time.nanos();
}

Event EventOf(const v1::Round& round) {
  Event event;
  event.set_wall_time(Seconds(round.closed()));
  // The round's own outer step included.
  event.set_step(round.phi_version() + 1);
  AddScalar("train/outer_loss", round.outer_loss(), event);
  AddScalar("train/gradient_norm", round.gradient_norm(), event);
  if (round.has_validation()) {
    const v1::ValidationScore& score = round.validation();
    AddScalar("validation/final_loss", score.final_loss(), event);
    AddScalar("validation/sum_of_losses", score.sum_of_losses(), event);
  }
  return event;
}

}  // namespace

std::string EventFile(const std::vector<v1::Round>& rounds) {
  Event version;
  if (!rounds.empty()) version.set_wall_time(Seconds(rounds[0].closed()));
  version.set_file_version("brain.Event:2");
  std::string file;
  AppendRecord(version.SerializeAsString(), file);
  for (const v1::Round& round : rounds) {
    AppendRecord(EventOf(round).SerializeAsString(), file);
  }
  return file;
}

}  // namespace metastep
