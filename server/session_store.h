// The open sessions: quotas, expiry, snapshots, and survival of a restart. No
// gRPC in it.
//
//   DIR/snapshots/<snapshot id>   made by Save, kept until deleted
//   DIR/spilled/<session id>      sessions that wait for a restart
//
// Both are session files (session_file.h).
#ifndef METASTEP_SERVER_SESSION_STORE_H_
#define METASTEP_SERVER_SESSION_STORE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/fair_pool.h"
#include "base/mutex.h"
#include "metastep/v1/step_service.pb.h"
#include "server/id_folder.h"
#include "server/model_registry.h"
#include "server/session.h"
#include "server/session_budget.h"
#include "server/session_table.h"
#include "server/step_metrics.h"

namespace metastep {

struct SessionStoreOptions {
  // Made if need be.
  std::filesystem::path dir;
  // Of one session. At most 2^40.
  int64_t max_coordinates = 1 << 26;
  // Over all sessions. A million coordinates of the 2x20 LSTM take 328 MB.
  int64_t max_sessions = 10'000;
  int64_t max_bytes = int64_t{4} << 30;
  // Over all steps in progress, beyond max_bytes: what they may need to go
  // back.
  int64_t max_undo_bytes = int64_t{512} << 20;
  // On disk, over all snapshots.
  int64_t max_snapshot_bytes = int64_t{16} << 30;
  absl::Duration max_ttl = absl::Hours(24);
  // That compute steps. At least 1.
  int threads = 2;
};

// Errors of the methods are those that step_service.proto lists, each with its
// reason. A session that is closed or expires during a step finishes that step.
// Thread-safe.
class SessionStore {
 public:
  // Takes up the spilled sessions that have not expired; one that is damaged or
  // finds no room is logged, and its file stays. All arguments must outlive the
  // store. Errors: Unavailable: the folders cannot be made.
  static absl::StatusOr<std::unique_ptr<SessionStore>> Create(
      const SessionStoreOptions& options, const Clock& clock,
      const ModelRegistry& registry, StepMetrics& metrics);

  absl::StatusOr<v1::Session> Open(const v1::OpenSessionRequest& request);
  // The session, to begin a step of it; its ttl counts from now.
  absl::StatusOr<std::shared_ptr<Session>> Use(const std::string& session_id);
  absl::StatusOr<v1::SaveSessionResponse> Save(const std::string& session_id);
  absl::StatusOr<v1::Session> Restore(const v1::RestoreSessionRequest& request);
  absl::Status DeleteSnapshot(const std::string& snapshot_id);
  absl::Status Close(const std::string& session_id);
  absl::StatusOr<v1::ListSessionsResponse> List(
      const v1::ListSessionsRequest& request) const;

  // Frees the sessions that have expired; to be called now and then. Until
  // then they take room, but cannot be reached.
  void Sweep();

  // Writes every session to disk, for the next Create to find. To be called
  // when no call is in flight. Errors: Unavailable: the first failure; the
  // other sessions are written nevertheless.
  absl::Status SpillAll();

 private:
  SessionStore(const SessionStoreOptions& options, const Clock& clock,
               const ModelRegistry& registry, StepMetrics& metrics,
               IdFolder snapshots, IdFolder spilled);

  absl::StatusOr<PinnedOptimizer> Pin(
      const v1::OpenSessionRequest& request) const;
  // Takes room, and then memory. `progress` is that of a saved session.
  absl::StatusOr<std::shared_ptr<Session>> Make(
      SessionPlan plan, std::optional<SessionProgress> progress);
  absl::Status Spill(const SessionEntry& entry) const;
  void LoadAllSpilled();
  // Nothing if it has expired.
  absl::StatusOr<std::optional<SessionEntry>> LoadSpilled(
      const std::string& session_id);
  // The live session that this request opened.
  std::optional<v1::Session> FindByRequest(const std::string& request_id);
  // Adds a session, unless its request opened one meanwhile: that one is it.
  v1::Session Add(SessionEntry entry);
  // Frees the memory and the spilled file of what was taken out of the table,
  // and logs its fate, such as "is closed".
  void Free(std::vector<SessionEntry> entries, absl::string_view fate);
  void CountSessions();

  const SessionStoreOptions options_;
  const Clock& clock_;
  const ModelRegistry& registry_;
  StepMetrics& metrics_;
  const IdFolder snapshots_;
  const IdFolder spilled_;
  SessionBudget budget_;
  UndoBudget undo_;

  // Held while a snapshot is made or restored: so its quota holds, and at most
  // one session is in memory as a file, too.
  Mutex snapshot_;

  mutable Mutex mu_;
  SessionTable table_ ABSL_GUARDED_BY(mu_);

  FairPool pool_;  // last, so that steps end before what they use
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_STORE_H_
