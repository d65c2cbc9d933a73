#include "server/sqlite.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace metastep {
namespace {

// Another process (a backup, a shell) may hold the database this long.
constexpr int kBusyTimeoutMillis = 5'000;

absl::Status Error(sqlite3* db, absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat("database: ", what, ": ", sqlite3_errmsg(db),
                   " (SQLite's code ", sqlite3_extended_errcode(db), ")"));
}

}  // namespace

SqliteStatement& SqliteStatement::Int(int64_t value) {
  sqlite3_bind_int64(statement_.get(), ++bound_, value);
  return *this;
}

SqliteStatement& SqliteStatement::Text(absl::string_view value) {
  sqlite3_bind_text64(statement_.get(), ++bound_, value.data(), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::Blob(absl::string_view value) {
  sqlite3_bind_blob64(statement_.get(), ++bound_, value.data(), value.size(),
                      SQLITE_STATIC);
  return *this;
}

absl::Status SqliteStatement::Run() { return Next().status(); }

absl::StatusOr<bool> SqliteStatement::Next() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return Error(db_, sqlite3_sql(statement_.get()));
  }
}

absl::Status SqliteStatement::ForEachRow(
    const std::function<absl::Status()>& read) {
  while (true) {
    METASTEP_ASSIGN_OR_RETURN(const bool found, Next());
    if (!found) return absl::OkStatus();
    METASTEP_RETURN_IF_ERROR(read());
  }
}

int64_t SqliteStatement::GetInt(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string SqliteStatement::GetString(int column) const {
  // SQLite wants the pointer asked for before the size.
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return size == 0 ? std::string()
                   : std::string(static_cast<const char*>(data), size);
}

absl::StatusOr<std::unique_ptr<Sqlite>> Sqlite::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &handle,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  std::unique_ptr<Sqlite> db(new Sqlite(handle));
  if (code != SQLITE_OK) return Error(handle, path);
  sqlite3_busy_timeout(handle, kBusyTimeoutMillis);
  METASTEP_RETURN_IF_ERROR(db->Execute("PRAGMA journal_mode = WAL"));
  METASTEP_RETURN_IF_ERROR(db->Execute("PRAGMA synchronous = FULL"));
  METASTEP_RETURN_IF_ERROR(db->Execute("PRAGMA foreign_keys = ON"));
  // A large transaction's statement journal is a temporary file, for which a
  // container with a read-only root has no folder.
  METASTEP_RETURN_IF_ERROR(db->Execute("PRAGMA temp_store = MEMORY"));
  return db;
}

absl::StatusOr<SqliteStatement> Sqlite::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql.data(), static_cast<int>(sql.size()),
                         &statement, nullptr) != SQLITE_OK) {
    return Error(db_.get(), sql);
  }
  return SqliteStatement(db_.get(), statement);
}

absl::Status Sqlite::Execute(const std::string& sql) {
  if (sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) !=
      SQLITE_OK) {
    return Error(db_.get(), sql);
  }
  return absl::OkStatus();
}

absl::Status Sqlite::Transaction(const std::function<absl::Status()>& body) {
  METASTEP_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  absl::Status status = body();
  if (status.ok()) status = Execute("COMMIT");
  if (!status.ok()) Execute("ROLLBACK").IgnoreError();
  return status;
}

}  // namespace metastep
