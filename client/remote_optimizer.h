// An optimizer whose state lives on a metastep server: the caller keeps its
// parameters and sends gradients, the server sends what to add.
//
//   v1::ModelRef model;
//   model.set_name("quadratic");  // the newest version of it
//   v1::TensorSpec weights;
//   weights.set_name("weights");
//   weights.add_shape(10);
//   absl::StatusOr<RemoteOptimizer> optimizer =
//       RemoteOptimizer::Open("localhost:7070", model, {weights});
//   if (!optimizer.ok()) return optimizer.status();
//   for (int step = 0; step < 100; ++step) {
//     absl::StatusOr<std::vector<float>> update =
//         optimizer->Step(GradientAt(theta));
//     if (!update.ok()) return update.status();
//     for (size_t i = 0; i < theta.size(); ++i) theta[i] += (*update)[i];
//   }
#ifndef METASTEP_CLIENT_REMOTE_OPTIMIZER_H_
#define METASTEP_CLIENT_REMOTE_OPTIMIZER_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "metastep/v1/spec.pb.h"
#include "metastep/v1/step_service.pb.h"

namespace metastep {

struct RemoteOptimizerOptions {
  // The server forgets a session that is unused for so long, 1 s to 24 h.
  absl::Duration ttl = absl::Hours(1);
  // Deadline of one attempt of a call.
  absl::Duration call_timeout = absl::Seconds(30);
  // While the server is out of reach, calls are repeated: first after a part of
  // this wait, which doubles, until giving up.
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration give_up_after = absl::Minutes(1);
  // How gradients and updates are sent. BFLOAT16 and FLOAT16 halve the bytes
  // and round each number to 8 and 11 bits; FLOAT16 has its largest number at
  // 65504 (step_service.proto says what becomes of larger ones).
  v1::FloatFormat wire_format = v1::FLOAT32;
  // How the server keeps the state: FLOAT32, or BFLOAT16, which halves its
  // memory and is not for every rule (step_service.proto). Open only: a
  // restored session keeps its own.
  v1::FloatFormat state_format = v1::FLOAT32;
};

// One optimisation: a session of the step service. Steps carry numbers, so a
// step whose answer was lost is repeated without being taken twice. A gradient
// of more than 262,144 coordinates (1 MiB) goes by StepStream, in chunks that
// the server computes while others are under way; smaller ones go as one
// message. The updates are the same.
//
// Every method may fail with Unavailable or DeadlineExceeded (the server is out
// of reach); other errors come from the server and carry its ErrorInfo
// (rpc/error_reason.h). Movable; not thread-safe.
class RemoteOptimizer {
 public:
  // A published model, or a hand-designed rule.
  using Rule = std::variant<v1::ModelRef, v1::HandDesignedSpec>;

  // Opens a session for parameters of these names and shapes.
  // Errors: InvalidArgument (TENSOR_SPEC, RULE_SPEC), NotFound (MODEL_UNKNOWN),
  // ResourceExhausted (QUOTA_COORDINATES, QUOTA_BYTES, QUOTA_SESSIONS).
  static absl::StatusOr<RemoteOptimizer> Open(
      const std::shared_ptr<grpc::Channel>& channel, const Rule& rule,
      absl::Span<const v1::TensorSpec> tensors,
      const RemoteOptimizerOptions& options = {});
  // The same over a channel of its own to "host:port".
  static absl::StatusOr<RemoteOptimizer> Open(
      const std::string& address, const Rule& rule,
      absl::Span<const v1::TensorSpec> tensors,
      const RemoteOptimizerOptions& options = {});

  // Opens a session that goes on where Save left another.
  // Errors: NotFound (SNAPSHOT_UNKNOWN), ResourceExhausted as Open.
  static absl::StatusOr<RemoteOptimizer> Restore(
      const std::shared_ptr<grpc::Channel>& channel,
      const std::string& snapshot_id,
      const RemoteOptimizerOptions& options = {});

  RemoteOptimizer(RemoteOptimizer&&) noexcept;
  RemoteOptimizer& operator=(RemoteOptimizer&&) noexcept;
  // Closes the session, if that takes no waiting.
  ~RemoteOptimizer();

  // Takes one step: writes what to add to the parameters, in the layout of the
  // gradient (all tensors one after another). After Unavailable and
  // DeadlineExceeded the server may have taken the step: call again with the
  // same gradient. After any other error the session is as before.
  // Errors: InvalidArgument (GRADIENT_SHAPE, GRADIENT_NOT_FINITE; also
  // `update` of another size), NotFound (SESSION_UNKNOWN), FailedPrecondition
  // (STEP_GAP: somebody else steps this session), ResourceExhausted
  // (SESSION_BUSY: many others do).
  absl::Status Step(absl::Span<const float> gradient,  // [N]
                    absl::Span<float> update);         // [N]
  absl::StatusOr<std::vector<float>> Step(absl::Span<const float> gradient);

  // Writes the session to the server's disk and returns the snapshot's id.
  // After a Step that ended with Unavailable or DeadlineExceeded, take it again
  // first: what is restored may otherwise be one step ahead of the parameters.
  // Errors: NotFound (SESSION_UNKNOWN), ResourceExhausted (QUOTA_SNAPSHOTS).
  absl::StatusOr<std::string> Save();

  // Ends the session; fine if the server has forgotten it.
  absl::Status Close();

  // As the server opened it (with the pinned version); its next_step is kept
  // up to date.
  const v1::Session& session() const;

 private:
  class Connection;

  RemoteOptimizer(std::unique_ptr<Connection> connection, v1::Session session);

  absl::Status StepByMessage(absl::Span<const float> gradient,
                             absl::Span<float> update);

  std::unique_ptr<Connection> connection_;  // null once closed or moved from
  v1::Session session_;
};

}  // namespace metastep

#endif  // METASTEP_CLIENT_REMOTE_OPTIMIZER_H_
