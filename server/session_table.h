// The open sessions by id, by the request that opened them, and by age.
#ifndef METASTEP_SERVER_SESSION_TABLE_H_
#define METASTEP_SERVER_SESSION_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/session.h"

namespace metastep {

struct SessionEntry {
  std::shared_ptr<Session> session;
  absl::Time expires;
  bool spilled = false;  // its file from before a restart is still there
};

// An expired session cannot be found, and is there until it is taken. What is
// taken out frees its memory when the caller drops it. Not thread-safe.
class SessionTable {
 public:
  // The pointers that methods return hold until the next change.

  SessionEntry* Insert(SessionEntry entry);
  // Null if there is none, or it has expired.
  SessionEntry* Find(const std::string& session_id, absl::Time now);
  SessionEntry* FindByRequest(const std::string& request_id, absl::Time now);
  // At most `limit` that have not expired, oldest first, with their numbers,
  // which are above `after`.
  std::vector<std::pair<int64_t, SessionEntry>> List(int64_t after,
                                                     size_t limit,
                                                     absl::Time now) const;

  std::optional<SessionEntry> Take(const std::string& session_id,
                                   absl::Time now);
  std::vector<SessionEntry> TakeExpired(absl::Time now);

 private:
  SessionEntry* FindNumber(const std::map<std::string, int64_t>& index,
                           const std::string& key, absl::Time now);
  SessionEntry TakeNumber(int64_t number);

  int64_t next_number_ = 1;
  std::map<int64_t, SessionEntry> entries_;  // by number, so by age
  std::map<std::string, int64_t> by_id_;
  std::map<std::string, int64_t> by_request_;  // the newest of each
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SESSION_TABLE_H_
