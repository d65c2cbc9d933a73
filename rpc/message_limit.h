// How large a gRPC message may be.
#ifndef METASTEP_RPC_MESSAGE_LIMIT_H_
#define METASTEP_RPC_MESSAGE_LIMIT_H_

namespace metastep {

inline constexpr int kMaxPayloadBytes = 4 << 20;

// Either way, on both sides: the payload and its envelope, which gRPC's own
// default of 4 MiB leaves no room for.
inline constexpr int kMaxMessageBytes = kMaxPayloadBytes + (64 << 10);

// Coordinates in one message of a stream of steps: 1 MiB of float32. Large
// enough that a message's own cost is small, small enough that the work of one
// overlaps the transfer of the next.
inline constexpr int kChunkCoordinates = 256 << 10;

}  // namespace metastep

#endif  // METASTEP_RPC_MESSAGE_LIMIT_H_
