#include "server/session_table.h"

namespace metastep {

SessionEntry* SessionTable::Insert(SessionEntry entry) {
  const int64_t number = next_number_++;
  by_id_[entry.session->plan().session_id] = number;
  by_request_[entry.session->plan().request_id] = number;
  return &(entries_[number] = std::move(entry));
}

SessionEntry* SessionTable::FindNumber(
    const std::map<std::string, int64_t>& index, const std::string& key,
    absl::Time now) {
  const auto number = index.find(key);
  if (number == index.end()) return nullptr;
  SessionEntry& entry = entries_.at(number->second);
  return entry.expires <= now ? nullptr : &entry;
}

SessionEntry* SessionTable::Find(const std::string& session_id,
                                 absl::Time now) {
  return FindNumber(by_id_, session_id, now);
}

SessionEntry* SessionTable::FindByRequest(const std::string& request_id,
                                          absl::Time now) {
  return FindNumber(by_request_, request_id, now);
}

std::vector<std::pair<int64_t, SessionEntry>> SessionTable::List(
    int64_t after, size_t limit, absl::Time now) const {
  std::vector<std::pair<int64_t, SessionEntry>> listed;
  for (auto it = entries_.upper_bound(after);
       it != entries_.end() && listed.size() < limit; ++it) {
    if (it->second.expires > now) listed.push_back(*it);
  }
  return listed;
}

SessionEntry SessionTable::TakeNumber(int64_t number) {
  const auto it = entries_.find(number);
  SessionEntry entry = std::move(it->second);
  entries_.erase(it);
  const SessionPlan& plan = entry.session->plan();
  by_id_.erase(plan.session_id);
  // An expired session's request may have opened another since.
  const auto request = by_request_.find(plan.request_id);
  if (request->second == number) by_request_.erase(request);
  return entry;
}

std::optional<SessionEntry> SessionTable::Take(const std::string& session_id,
                                               absl::Time now) {
  if (Find(session_id, now) == nullptr) return std::nullopt;
  return TakeNumber(by_id_.at(session_id));
}

std::vector<SessionEntry> SessionTable::TakeExpired(absl::Time now) {
  std::vector<int64_t> numbers;
  for (const auto& [number, entry] : entries_) {
    if (entry.expires <= now) numbers.push_back(number);
  }
  std::vector<SessionEntry> taken;
  for (const int64_t number : numbers) taken.push_back(TakeNumber(number));
  return taken;
}

}  // namespace metastep
