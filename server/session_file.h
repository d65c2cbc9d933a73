// A session on disk: a snapshot, or a session that waits for a restart. Only
// this server reads it. The file is, all integers little-endian:
//
//   "metastep session 1\n"
//   five records, each an 8-byte length and that many bytes:
//     v1::Session         id, rule, next_step, opened, ttl, expires,
//                         state_format (absent: FLOAT32)
//     v1::OpenSessionRequest                   request_id and tensors
//     the model file (optimizer/model_file.h)  empty for a hand-designed rule
//     update              float32[N]           empty before the first step
//     state               float32 or bfloat16[StateFloats(N)], as it is kept
//   SHA-256 of all before, 64 hexadecimal digits
//
// The model is inside, so that its deletion from the registry breaks nothing.
#ifndef METASTEP_SERVER_SESSION_FILE_H_
#define METASTEP_SERVER_SESSION_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session.h"

namespace metastep {

struct SessionImage {
  SessionPlan plan;
  SessionProgress progress;
  absl::Time expires;
};

std::string EncodeSession(const SessionPlan& plan,
                          const SessionProgress& progress, absl::Time expires);

// Errors: InvalidArgument: not such a file, or damaged. Whether the state has
// the size that the rule wants is for the caller to check.
absl::StatusOr<SessionImage> DecodeSession(absl::string_view file);

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_FILE_H_
