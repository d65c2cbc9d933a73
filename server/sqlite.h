// A thin layer on SQLite's C interface: statements that are bound and read by
// position, errors as Status.
#ifndef METASTEP_SERVER_SQLITE_H_
#define METASTEP_SERVER_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metastep {

class Sqlite;

// A prepared statement; parameters and columns count from 0. Bound memory must
// outlive the steps. Not thread-safe.
class SqliteStatement {
 public:
  SqliteStatement& Int(int64_t value);
  SqliteStatement& Text(absl::string_view value);
  SqliteStatement& Blob(absl::string_view value);

  // Runs it to the end, for statements without rows.
  absl::Status Run();
  // True: a row can be read; false: there are no more.
  absl::StatusOr<bool> Next();
  // Calls `read` at each row that is left, up to its first error.
  absl::Status ForEachRow(const std::function<absl::Status()>& read);

  int64_t GetInt(int column) const;
  std::string GetString(int column) const;  // text or blob

 private:
  friend class Sqlite;
  SqliteStatement(sqlite3* db, sqlite3_stmt* statement)
      : db_(db), statement_(statement, &sqlite3_finalize) {}

  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement_;
  int bound_ = 0;
};

// One connection. Not thread-safe.
class Sqlite {
 public:
  // Opens or makes a database that syncs every commit (WAL, synchronous=FULL).
  // Errors: Unavailable, with path and reason.
  static absl::StatusOr<std::unique_ptr<Sqlite>> Open(const std::string& path);

  // Errors: Unavailable, with SQLite's reason.
  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql);
  absl::Status Execute(const std::string& sql);
  // Runs `body` in one transaction; rolls back if it fails.
  absl::Status Transaction(const std::function<absl::Status()>& body);

 private:
  explicit Sqlite(sqlite3* db) : db_(db, &sqlite3_close) {}

  std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SQLITE_H_
