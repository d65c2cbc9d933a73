// How large a gRPC message may be.
#ifndef METASTEP_RPC_MESSAGE_LIMIT_H_
#define METASTEP_RPC_MESSAGE_LIMIT_H_

namespace metastep {

// Either way, on both sides: 4 MiB of payload and its envelope, which gRPC's
// own default of 4 MiB leaves no room for.
inline constexpr int kMaxMessageBytes = (4 << 20) + (64 << 10);

}  // namespace metastep

#endif  // METASTEP_RPC_MESSAGE_LIMIT_H_
