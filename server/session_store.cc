#include "server/session_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/digest.h"
#include "base/log_fields.h"
#include "base/logging.h"
#include "base/status_macros.h"
#include "optimizer/run_spec.h"
#include "rpc/error_reason.h"
#include "rpc/proto_time.h"
#include "server/request_checks.h"
#include "server/session_file.h"
#include "server/tensor_specs.h"

namespace metastep {
namespace {

constexpr absl::Duration kDefaultTtl = absl::Hours(1);
constexpr absl::Duration kMinTtl = absl::Seconds(1);

absl::Status UnknownSession(const std::string& session_id) {
  return WithReason(
      absl::NotFoundError(absl::StrFormat(
          "session \"%.80s\" is closed, has expired or was never opened; open "
          "a new one, or restore a snapshot",
          session_id)),
      kReasonSessionUnknown);
}

absl::Status UnknownSnapshot(const std::string& snapshot_id) {
  return WithReason(absl::NotFoundError(absl::StrFormat(
                        "there is no snapshot \"%.80s\"; use an id that "
                        "SaveSession gave",
                        snapshot_id)),
                    kReasonSnapshotUnknown);
}

// The ttl of a request that may leave it out.
template <typename Request>
absl::StatusOr<absl::Duration> TtlOf(const Request& request,
                                     absl::Duration max_ttl) {
  if (!request.has_ttl()) return std::min(kDefaultTtl, max_ttl);
  const absl::Duration ttl = FromProtoDuration(request.ttl());
  if (ttl >= kMinTtl && ttl <= max_ttl) return ttl;
  return absl::InvalidArgumentError(absl::StrFormat(
      "ttl is %s; it must be from %s to %s", absl::FormatDuration(ttl),
      absl::FormatDuration(kMinTtl), absl::FormatDuration(max_ttl)));
}

absl::StatusOr<v1::FloatFormat> StateFormatOf(
    const v1::OpenSessionRequest& request) {
  switch (request.state_format()) {
    case v1::FLOAT_FORMAT_UNSPECIFIED:
    case v1::FLOAT32:
      return v1::FLOAT32;
    case v1::BFLOAT16:
      return v1::BFLOAT16;
    default:
      return absl::InvalidArgumentError(
          absl::StrFormat("state_format is %d; use FLOAT32 or BFLOAT16",
                          request.state_format()));
  }
}

absl::Status CheckCoordinates(int64_t coordinates, int64_t limit) {
  if (coordinates <= limit) return absl::OkStatus();
  return WithReason(
      absl::ResourceExhaustedError(absl::StrFormat(
          "the tensors have %d coordinates, a session at most %d; split them "
          "over several sessions",
          coordinates, limit)),
      kReasonQuotaCoordinates);
}

// Log fields.
std::vector<LogField> About(const SessionPlan& plan) {
  return {{"session", plan.session_id}, {"request_id", plan.request_id}};
}

}  // namespace

SessionStore::SessionStore(const SessionStoreOptions& options,
                           const Clock& clock, const ModelRegistry& registry,
                           StepMetrics& metrics, IdFolder snapshots,
                           IdFolder spilled)
    : options_(options),
      clock_(clock),
      registry_(registry),
      metrics_(metrics),
      snapshots_(std::move(snapshots)),
      spilled_(std::move(spilled)),
      budget_({.sessions = options.max_sessions, .bytes = options.max_bytes}),
      undo_(options.max_undo_bytes),
      pool_(options.threads) {}

absl::StatusOr<std::unique_ptr<SessionStore>> SessionStore::Create(
    const SessionStoreOptions& options, const Clock& clock,
    const ModelRegistry& registry, StepMetrics& metrics) {
  METASTEP_ASSIGN_OR_RETURN(IdFolder snapshots,
                            IdFolder::Open(options.dir / "snapshots"));
  METASTEP_ASSIGN_OR_RETURN(IdFolder spilled,
                            IdFolder::Open(options.dir / "spilled"));
  auto store = std::unique_ptr<SessionStore>(
      new SessionStore(options, clock, registry, metrics, std::move(snapshots),
                       std::move(spilled)));
  store->LoadAllSpilled();
  return store;
}

void SessionStore::LoadAllSpilled() {
  std::vector<SessionEntry> loaded;
  for (const std::string& session_id : spilled_.Ids()) {
    absl::StatusOr<std::optional<SessionEntry>> entry = LoadSpilled(session_id);
    if (!entry.ok()) {
      const LogFields fields{{"session", session_id}};
      LogWarning("session %s is left on disk: %s", session_id,
                 entry.status().ToString());
    } else if (entry->has_value()) {
      loaded.push_back(**std::move(entry));
    }
  }
  // Sessions are listed in the order in which they came.
  std::sort(loaded.begin(), loaded.end(),
            [](const SessionEntry& a, const SessionEntry& b) {
              return a.session->plan().opened < b.session->plan().opened;
            });
  for (SessionEntry& entry : loaded) Add(std::move(entry));
}

absl::StatusOr<std::optional<SessionEntry>> SessionStore::LoadSpilled(
    const std::string& session_id) {
  METASTEP_ASSIGN_OR_RETURN(const std::string file, spilled_.Read(session_id));
  METASTEP_ASSIGN_OR_RETURN(SessionImage image, DecodeSession(file));
  if (image.expires <= clock_.Now()) {
    spilled_.Remove(session_id);
    return std::nullopt;
  }
  image.plan.session_id = session_id;
  METASTEP_ASSIGN_OR_RETURN(
      std::shared_ptr<Session> session,
      Make(std::move(image.plan), std::move(image.progress)));
  return SessionEntry{std::move(session), image.expires, /*spilled=*/true};
}

absl::StatusOr<v1::Session> SessionStore::Open(
    const v1::OpenSessionRequest& request) {
  METASTEP_RETURN_IF_ERROR(CheckId("request_id", request.request_id()));
  if (auto opened = FindByRequest(request.request_id())) return *opened;
  METASTEP_ASSIGN_OR_RETURN(const absl::Duration ttl,
                            TtlOf(request, options_.max_ttl));
  METASTEP_ASSIGN_OR_RETURN(ParameterLayout layout,
                            ToLayout(request.tensors()));
  METASTEP_ASSIGN_OR_RETURN(const v1::FloatFormat state_format,
                            StateFormatOf(request));
  METASTEP_ASSIGN_OR_RETURN(PinnedOptimizer optimizer, Pin(request));
  const absl::Time now = clock_.Now();
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                            Make({.session_id = RandomId(),
                                  .request_id = request.request_id(),
                                  .optimizer = std::move(optimizer),
                                  .layout = std::move(layout),
                                  .state_format = state_format,
                                  .opened = now,
                                  .ttl = ttl},
                                 /*progress=*/std::nullopt));
  return Add({std::move(session), now + ttl});
}

absl::StatusOr<PinnedOptimizer> SessionStore::Pin(
    const v1::OpenSessionRequest& request) const {
  PinnedOptimizer optimizer;
  if (request.has_model()) {
    METASTEP_ASSIGN_OR_RETURN(optimizer.model,
                              registry_.Resolve(request.model()));
    return optimizer;
  }
  auto resolved = ResolveHandDesigned(request.hand_designed());
  if (!resolved.ok()) return WithReason(resolved.status(), kReasonRuleSpec);
  optimizer.hand_designed = *std::move(resolved);
  return optimizer;
}

absl::StatusOr<std::shared_ptr<Session>> SessionStore::Make(
    SessionPlan plan, std::optional<SessionProgress> progress) {
  const int64_t coordinates = plan.layout.coordinates();
  METASTEP_RETURN_IF_ERROR(
      CheckCoordinates(coordinates, options_.max_coordinates));
  METASTEP_ASSIGN_OR_RETURN(auto rule, MakeRule(plan));
  Sweep();
  METASTEP_ASSIGN_OR_RETURN(SessionBudget::Room room,
                            budget_.Take(SessionBytes(plan, *rule)));
  const int64_t floats = rule->StateFloats(coordinates);
  if (!progress) {
    progress.emplace(SessionProgress{
        .update = {}, .state = SessionState(plan.state_format, floats)});
  }
  if (progress->state.floats() != floats) {
    return absl::DataLossError(
        absl::StrFormat("the saved state has %d floats, the rule needs %d",
                        progress->state.floats(), floats));
  }
  return std::make_shared<Session>(std::move(plan), std::move(rule),
                                   std::move(room), *std::move(progress),
                                   StepResources{pool_, undo_});
}

std::optional<v1::Session> SessionStore::FindByRequest(
    const std::string& request_id) {
  MutexLock lock(mu_);
  const SessionEntry* entry = table_.FindByRequest(request_id, clock_.Now());
  if (entry == nullptr) return std::nullopt;
  return entry->session->Describe(entry->expires);
}

v1::Session SessionStore::Add(SessionEntry entry) {
  const LogFields fields(About(entry.session->plan()));
  v1::Session described;
  bool added = false;
  {
    MutexLock lock(mu_);
    const SessionEntry* there =
        table_.FindByRequest(entry.session->plan().request_id, clock_.Now());
    added = there == nullptr;
    if (added) there = table_.Insert(std::move(entry));
    described = there->session->Describe(there->expires);
  }
  if (added) {
    LogInfo("session %s is open: %d coordinates", described.session_id(),
            described.coordinates());
  }
  CountSessions();
  return described;
}

absl::StatusOr<std::shared_ptr<Session>> SessionStore::Use(
    const std::string& session_id) {
  std::shared_ptr<Session> session;
  bool spilled = false;
  {
    MutexLock lock(mu_);
    const absl::Time now = clock_.Now();
    SessionEntry* entry = table_.Find(session_id, now);
    if (entry == nullptr) return UnknownSession(session_id);
    session = entry->session;
    entry->expires = now + session->plan().ttl;
    spilled = std::exchange(entry->spilled, false);
  }
  // A step would make it stale.
  if (spilled) spilled_.Remove(session_id);
  return session;
}

absl::StatusOr<v1::SaveSessionResponse> SessionStore::Save(
    const std::string& session_id) {
  METASTEP_ASSIGN_OR_RETURN(const std::shared_ptr<Session> session,
                            Use(session_id));
  const SessionPlan& plan = session->plan();
  MutexLock lock(snapshot_);
  METASTEP_ASSIGN_OR_RETURN(const SessionProgress progress,
                            session->Progress());
  const std::string file =
      EncodeSession(plan, progress, clock_.Now() + plan.ttl);
  v1::SaveSessionResponse response;
  response.set_snapshot_id(RandomId());
  response.set_next_step(progress.next_step);
  const int64_t left = options_.max_snapshot_bytes - snapshots_.TotalBytes();
  if (static_cast<int64_t>(file.size()) > left) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrFormat(
            "the snapshot needs %d bytes; %d of %d are left: delete "
            "snapshots that nobody needs (DeleteSnapshot)",
            file.size(), left, options_.max_snapshot_bytes)),
        kReasonQuotaSnapshots);
  }
  METASTEP_RETURN_IF_ERROR(snapshots_.Write(response.snapshot_id(), file));
  return response;
}

absl::StatusOr<v1::Session> SessionStore::Restore(
    const v1::RestoreSessionRequest& request) {
  METASTEP_RETURN_IF_ERROR(CheckId("request_id", request.request_id()));
  if (auto opened = FindByRequest(request.request_id())) return *opened;
  METASTEP_ASSIGN_OR_RETURN(const absl::Duration ttl,
                            TtlOf(request, options_.max_ttl));
  MutexLock lock(snapshot_);
  const auto file = snapshots_.Read(request.snapshot_id());
  if (absl::IsNotFound(file.status())) {
    return UnknownSnapshot(request.snapshot_id());
  }
  METASTEP_RETURN_IF_ERROR(file.status());
  auto image = DecodeSession(*file);
  if (!image.ok()) {
    return absl::DataLossError(
        absl::StrFormat("snapshot %s is damaged: %s; use an older one",
                        request.snapshot_id(), image.status().message()));
  }
  const absl::Time now = clock_.Now();
  SessionPlan& plan = image->plan;
  plan.session_id = RandomId();
  plan.request_id = request.request_id();
  plan.opened = now;
  plan.ttl = ttl;
  METASTEP_ASSIGN_OR_RETURN(std::shared_ptr<Session> session,
                            Make(std::move(plan), std::move(image->progress)));
  return Add({std::move(session), now + ttl});
}

absl::Status SessionStore::DeleteSnapshot(const std::string& snapshot_id) {
  const absl::Status deleted = snapshots_.Delete(snapshot_id);
  return absl::IsNotFound(deleted) ? UnknownSnapshot(snapshot_id) : deleted;
}

absl::Status SessionStore::Close(const std::string& session_id) {
  std::vector<SessionEntry> closed;
  {
    MutexLock lock(mu_);
    auto entry = table_.Take(session_id, clock_.Now());
    if (!entry) return UnknownSession(session_id);
    closed.push_back(*std::move(entry));
  }
  Free(std::move(closed), "is closed");
  return absl::OkStatus();
}

absl::StatusOr<v1::ListSessionsResponse> SessionStore::List(
    const v1::ListSessionsRequest& request) const {
  METASTEP_ASSIGN_OR_RETURN(
      const int size,
      PageSize(request.page_size(), /*standard=*/100, /*limit=*/1000));
  METASTEP_ASSIGN_OR_RETURN(const int64_t after,
                            PageStart(request.page_token()));
  // One more than the page says whether there is a next.
  const auto limit = static_cast<size_t>(size) + 1;
  std::vector<std::pair<int64_t, SessionEntry>> listed;
  {
    MutexLock lock(mu_);
    listed = table_.List(after, limit, clock_.Now());
  }
  v1::ListSessionsResponse response;
  if (listed.size() == limit) {
    listed.pop_back();
    response.set_next_page_token(absl::StrCat(listed.back().first));
  }
  for (const auto& [number, entry] : listed) {
    *response.add_sessions() = entry.session->Describe(entry.expires);
  }
  return response;
}

void SessionStore::Sweep() {
  std::vector<SessionEntry> expired;
  {
    MutexLock lock(mu_);
    expired = table_.TakeExpired(clock_.Now());
  }
  Free(std::move(expired), "has expired");
}

void SessionStore::Free(std::vector<SessionEntry> entries,
                        absl::string_view fate) {
  for (const SessionEntry& entry : entries) {
    const SessionPlan& plan = entry.session->plan();
    const LogFields fields(About(plan));
    LogInfo("session %s %s", plan.session_id, fate);
    if (entry.spilled) spilled_.Remove(plan.session_id);
  }
  entries.clear();
  CountSessions();
}

void SessionStore::CountSessions() {
  const SessionBudget::Use use = budget_.use();
  metrics_.sessions.Set(static_cast<double>(use.sessions));
  metrics_.session_bytes.Set(static_cast<double>(use.bytes));
}

absl::Status SessionStore::SpillAll() {
  Sweep();
  std::vector<std::pair<int64_t, SessionEntry>> all;
  {
    MutexLock lock(mu_);
    all = table_.List(/*after=*/0, /*limit=*/SIZE_MAX, clock_.Now());
  }
  absl::Status result;
  for (const auto& [number, entry] : all) {
    if (!entry.spilled) result.Update(Spill(entry));
  }
  return result;
}

absl::Status SessionStore::Spill(const SessionEntry& entry) const {
  METASTEP_ASSIGN_OR_RETURN(const SessionProgress progress,
                            entry.session->Progress());
  const SessionPlan& plan = entry.session->plan();
  return spilled_.Write(plan.session_id,
                        EncodeSession(plan, progress, entry.expires));
}

}  // namespace metastep
