#include "server/run_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "rpc/float_bytes.h"

namespace metastep {
namespace {

constexpr int kSchemaVersion = 1;

constexpr char kSchema[] = R"sql(
CREATE TABLE IF NOT EXISTS runs (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL UNIQUE,
  request_id TEXT NOT NULL UNIQUE,
  request_sha256 TEXT NOT NULL,
  state INTEGER NOT NULL,     -- metastep.v1.Run.State
  run BLOB NOT NULL,          -- metastep.v1.Run without curves
  curves BLOB NOT NULL        -- metastep.v1.Run with only its curves
);
CREATE TABLE IF NOT EXISTS rounds (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  phi_version INTEGER NOT NULL,  -- before the round
  round BLOB NOT NULL,           -- metastep.v1.Round
  PRIMARY KEY (run_id, phi_version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS phi (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  phi_version INTEGER NOT NULL,
  phi BLOB NOT NULL,             -- float32, little-endian
  PRIMARY KEY (run_id, phi_version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS training (
  run_id TEXT PRIMARY KEY REFERENCES runs(run_id),
  phi_version INTEGER NOT NULL,
  outer_state BLOB NOT NULL,     -- float32, little-endian
  latest_validation BLOB,        -- metastep.v1.ValidationScore
  best_validation BLOB,
  best_phi BLOB NOT NULL,
  validations_since_best INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (
  run_id TEXT NOT NULL REFERENCES runs(run_id),
  shard INTEGER NOT NULL,
  result BLOB NOT NULL,          -- metastep.v1.EvaluationResult
  PRIMARY KEY (run_id, shard)
) WITHOUT ROWID;
)sql";

template <typename Message>
std::string Serialized(const std::optional<Message>& message) {
  return message ? message->SerializeAsString() : std::string();
}

// A score is of phi_version 1 at least, so its bytes are never empty.
template <typename Message>
std::optional<Message> Parsed(const std::string& bytes) {
  Message message;
  if (bytes.empty() || !message.ParseFromString(bytes)) return std::nullopt;
  return message;
}

// A run's message is kept in two parts, since lists do not need the curves.
std::pair<v1::Run, v1::Run> Split(v1::Run run) {
  v1::Run curves;
  curves.mutable_curves()->Swap(run.mutable_curves());
  return {std::move(run), std::move(curves)};
}

template <typename Message>
absl::Status ReadMessage(const SqliteStatement& row, int column,
                         Message& message) {
  if (message.ParseFromString(row.GetString(column))) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("database: a row does not parse as ",
                                          Message::descriptor()->full_name()));
}

absl::StatusOr<StoredRun> ReadRun(const SqliteStatement& row) {
  StoredRun stored;
  v1::Run curves;
  METASTEP_RETURN_IF_ERROR(ReadMessage(row, 2, stored.run));
  METASTEP_RETURN_IF_ERROR(ReadMessage(row, 3, curves));
  stored.request_id = row.GetString(0);
  stored.request_sha256 = row.GetString(1);
  stored.run.mutable_curves()->Swap(curves.mutable_curves());
  return stored;
}

constexpr char kSelectRun[] =
    "SELECT request_id, request_sha256, run, curves FROM runs ";

absl::StatusOr<std::optional<StoredRun>> FindRun(Sqlite& db,
                                                 absl::string_view condition,
                                                 const std::string& id) {
  METASTEP_ASSIGN_OR_RETURN(SqliteStatement select,
                            db.Prepare(absl::StrCat(kSelectRun, condition)));
  METASTEP_ASSIGN_OR_RETURN(const bool found, select.Text(id).Next());
  if (!found) return std::nullopt;
  return ReadRun(select);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunStore>> RunStore::Open(
    const std::string& path) {
  METASTEP_ASSIGN_OR_RETURN(std::unique_ptr<Sqlite> db, Sqlite::Open(path));
  int64_t version = 0;
  {
    METASTEP_ASSIGN_OR_RETURN(SqliteStatement read,
                              db->Prepare("PRAGMA user_version"));
    METASTEP_RETURN_IF_ERROR(read.Next().status());
    version = read.GetInt(0);
  }
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s has schema version %d; this server reads up to %d: use a newer one",
        path, version, kSchemaVersion));
  }
  METASTEP_RETURN_IF_ERROR(db->Execute(kSchema));
  METASTEP_RETURN_IF_ERROR(
      db->Execute(absl::StrCat("PRAGMA user_version = ", kSchemaVersion)));
  return std::unique_ptr<RunStore>(new RunStore(std::move(db)));
}

absl::Status RunStore::Create(const std::vector<NewRun>& runs) {
  MutexLock lock(mu_);
  return db_->Transaction([&]() -> absl::Status {
    for (const NewRun& run : runs) METASTEP_RETURN_IF_ERROR(Insert(run));
    return absl::OkStatus();
  });
}

absl::Status RunStore::Insert(const NewRun& run) {
  const v1::Run summary = Split(run.stored.run).first;
  const std::string run_bytes = summary.SerializeAsString();
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement insert,
      db_->Prepare("INSERT INTO runs (run_id, request_id, request_sha256, "
                   "state, run, curves) VALUES (?, ?, ?, ?, ?, x'')"));
  METASTEP_RETURN_IF_ERROR(insert.Text(summary.run_id())
                               .Text(run.stored.request_id)
                               .Text(run.stored.request_sha256)
                               .Int(summary.state())
                               .Blob(run_bytes)
                               .Run());
  return run.training == nullptr
             ? absl::OkStatus()
             : WriteTraining(summary.run_id(), *run.training);
}

absl::Status RunStore::Commit(const std::string& run_id,
                              const TrainingState& state) {
  MutexLock lock(mu_);
  return db_->Transaction([&]() -> absl::Status {
    METASTEP_RETURN_IF_ERROR(WriteTraining(run_id, state));
    if (!state.last_round) return absl::OkStatus();
    METASTEP_ASSIGN_OR_RETURN(
        SqliteStatement insert,
        db_->Prepare("INSERT OR REPLACE INTO rounds VALUES (?, ?, ?)"));
    const std::string round = state.last_round->SerializeAsString();
    return insert.Text(run_id)
        .Int(state.last_round->phi_version())
        .Blob(round)
        .Run();
  });
}

// Writes the newest phi only: older versions are there, and what no unroll
// needs any more goes.
absl::Status RunStore::WriteTraining(const std::string& run_id,
                                     const TrainingState& state) {
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement write,
      db_->Prepare("INSERT OR REPLACE INTO training VALUES (?,?,?,?,?,?,?)"));
  const std::string outer_state = FloatsToBytes(state.outer_state);
  const std::string latest = Serialized(state.latest_validation);
  const std::string best = Serialized(state.best_validation);
  const std::string best_phi = FloatsToBytes(state.best_phi);
  METASTEP_RETURN_IF_ERROR(write.Text(run_id)
                               .Int(state.phi_version)
                               .Blob(outer_state)
                               .Blob(latest)
                               .Blob(best)
                               .Blob(best_phi)
                               .Int(state.validations_since_best)
                               .Run());
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement phi,
      db_->Prepare("INSERT OR REPLACE INTO phi VALUES (?, ?, ?)"));
  const std::string newest = FloatsToBytes(*state.phi.rbegin()->second);
  METASTEP_RETURN_IF_ERROR(
      phi.Text(run_id).Int(state.phi.rbegin()->first).Blob(newest).Run());
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement forget,
      db_->Prepare("DELETE FROM phi WHERE run_id = ? AND phi_version < ?"));
  return forget.Text(run_id).Int(state.phi.begin()->first).Run();
}

absl::Status RunStore::Keep(const std::string& run_id,
                            const std::vector<ShardResult>& results) {
  MutexLock lock(mu_);
  return db_->Transaction([&]() -> absl::Status {
    for (const auto& [shard, result] : results) {
      METASTEP_ASSIGN_OR_RETURN(
          SqliteStatement insert,
          db_->Prepare("INSERT OR REPLACE INTO results VALUES (?, ?, ?)"));
      const std::string bytes = result.SerializeAsString();
      METASTEP_RETURN_IF_ERROR(
          insert.Text(run_id).Int(shard).Blob(bytes).Run());
    }
    return absl::OkStatus();
  });
}

absl::Status RunStore::Finish(const v1::Run& run) {
  const auto [summary, curves] = Split(run);
  const std::string summary_bytes = summary.SerializeAsString();
  const std::string curve_bytes = curves.SerializeAsString();
  MutexLock lock(mu_);
  return db_->Transaction([&]() -> absl::Status {
    METASTEP_ASSIGN_OR_RETURN(
        SqliteStatement update,
        db_->Prepare(
            "UPDATE runs SET state = ?, run = ?, curves = ? WHERE run_id = ?"));
    METASTEP_RETURN_IF_ERROR(update.Int(run.state())
                                 .Blob(summary_bytes)
                                 .Blob(curve_bytes)
                                 .Text(run.run_id())
                                 .Run());
    METASTEP_ASSIGN_OR_RETURN(
        SqliteStatement forget,
        db_->Prepare("DELETE FROM results WHERE run_id = ?"));
    return forget.Text(run.run_id()).Run();
  });
}

absl::StatusOr<StoredRun> RunStore::Load(const std::string& run_id) {
  MutexLock lock(mu_);
  METASTEP_ASSIGN_OR_RETURN(std::optional<StoredRun> stored,
                            FindRun(*db_, "WHERE run_id = ?", run_id));
  if (stored) return *std::move(stored);
  return absl::NotFoundError(absl::StrCat("there is no run \"", run_id,
                                          "\"; `metastep runs` lists them"));
}

absl::StatusOr<std::optional<StoredRun>> RunStore::FindByRequest(
    const std::string& request_id) {
  MutexLock lock(mu_);
  return FindRun(*db_, "WHERE request_id = ?", request_id);
}

absl::StatusOr<std::vector<StoredRun>> RunStore::LoadRunning() {
  MutexLock lock(mu_);
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement select,
      db_->Prepare(
          absl::StrCat(kSelectRun, "WHERE state = ? ORDER BY sequence")));
  select.Int(v1::Run::RUNNING);
  std::vector<StoredRun> runs;
  METASTEP_RETURN_IF_ERROR(select.ForEachRow([&]() -> absl::Status {
    METASTEP_ASSIGN_OR_RETURN(runs.emplace_back(), ReadRun(select));
    return absl::OkStatus();
  }));
  return runs;
}

absl::StatusOr<std::vector<RunStore::ListedRun>> RunStore::List(int64_t before,
                                                                int limit) {
  MutexLock lock(mu_);
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement select,
      db_->Prepare("SELECT sequence, run FROM runs WHERE ?1 = 0 OR sequence < "
                   "?1 ORDER BY sequence DESC LIMIT ?2"));
  select.Int(before).Int(limit);
  std::vector<ListedRun> runs;
  METASTEP_RETURN_IF_ERROR(select.ForEachRow([&] {
    ListedRun& listed = runs.emplace_back();
    listed.sequence = select.GetInt(0);
    return ReadMessage(select, 1, listed.run);
  }));
  return runs;
}

absl::StatusOr<TrainingState> RunStore::LoadTraining(
    const std::string& run_id) {
  TrainingState state;
  MutexLock lock(mu_);
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement row,
      db_->Prepare("SELECT phi_version, outer_state, latest_validation, "
                   "best_validation, best_phi, validations_since_best "
                   "FROM training WHERE run_id = ?"));
  METASTEP_ASSIGN_OR_RETURN(const bool found, row.Text(run_id).Next());
  if (!found) {
    return absl::DataLossError(
        absl::StrCat("database: run ", run_id, " has no training state"));
  }
  state.phi_version = row.GetInt(0);
  state.outer_state = FloatsFromBytes(row.GetString(1));
  state.latest_validation = Parsed<v1::ValidationScore>(row.GetString(2));
  state.best_validation = Parsed<v1::ValidationScore>(row.GetString(3));
  state.best_phi = FloatsFromBytes(row.GetString(4));
  state.validations_since_best = static_cast<int>(row.GetInt(5));

  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement phi,
      db_->Prepare("SELECT phi_version, phi FROM phi WHERE run_id = ?"));
  phi.Text(run_id);
  METASTEP_RETURN_IF_ERROR(phi.ForEachRow([&] {
    state.phi[phi.GetInt(0)] = std::make_shared<const std::vector<float>>(
        FloatsFromBytes(phi.GetString(1)));
    return absl::OkStatus();
  }));
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement round,
      db_->Prepare(
          "SELECT round FROM rounds WHERE run_id = ? AND phi_version = ?"));
  METASTEP_ASSIGN_OR_RETURN(
      const bool has_round,
      round.Text(run_id).Int(state.phi_version - 1).Next());
  if (has_round) {
    METASTEP_RETURN_IF_ERROR(ReadMessage(round, 0, state.last_round.emplace()));
  }
  return state;
}

absl::StatusOr<std::vector<RunStore::ShardResult>> RunStore::LoadResults(
    const std::string& run_id) {
  MutexLock lock(mu_);
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement select,
      db_->Prepare("SELECT shard, result FROM results WHERE run_id = ? "
                   "ORDER BY shard"));
  select.Text(run_id);
  std::vector<ShardResult> results;
  METASTEP_RETURN_IF_ERROR(select.ForEachRow([&] {
    ShardResult& kept = results.emplace_back();
    kept.shard = static_cast<int>(select.GetInt(0));
    return ReadMessage(select, 1, kept.result);
  }));
  return results;
}

absl::StatusOr<std::vector<v1::Round>> RunStore::Rounds(
    const std::string& run_id, int64_t first, int limit) {
  MutexLock lock(mu_);
  METASTEP_ASSIGN_OR_RETURN(
      SqliteStatement select,
      db_->Prepare("SELECT round FROM rounds WHERE run_id = ? AND phi_version "
                   ">= ? ORDER BY phi_version LIMIT ?"));
  select.Text(run_id).Int(first).Int(limit);
  std::vector<v1::Round> rounds;
  METASTEP_RETURN_IF_ERROR(select.ForEachRow(
      [&] { return ReadMessage(select, 0, rounds.emplace_back()); }));
  return rounds;
}

}  // namespace metastep
