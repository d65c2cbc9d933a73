// A map that forgets what was used longest ago.
#ifndef METASTEP_WORKER_LRU_MAP_H_
#define METASTEP_WORKER_LRU_MAP_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <utility>

namespace metastep {

// Holds entries whose weights add up to at most a bound, and at most so many of
// them. Thread-compatible.
template <typename Key, typename Value>
class LruMap {
 public:
  struct Entry {
    Key key;
    Value value;
    int64_t weight;
  };

  LruMap(size_t max_entries, int64_t max_weight)
      : max_entries_(max_entries), max_weight_(max_weight) {}

  // The value, which counts as used now; null if there is none. Valid until the
  // next call that is not const.
  const Value* Find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->value;
  }

  // Takes the value out.
  std::optional<Value> Take(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    Value value = std::move(found->second->value);
    Erase(found->second);
    return value;
  }

  // Adds or replaces a value, which counts as used now, and drops the values
  // used longest ago until the bounds hold. A value that is heavier than the
  // bound by itself is not kept.
  void Put(Key key, Value value, int64_t weight) {
    Take(key);
    if (weight > max_weight_) return;
    entries_.push_front(Entry{key, std::move(value), weight});
    index_.emplace(std::move(key), entries_.begin());
    weight_ += weight;
    while (entries_.size() > max_entries_ || weight_ > max_weight_) {
      Erase(std::prev(entries_.end()));
    }
  }

  // Latest used first.
  const std::list<Entry>& entries() const { return entries_; }
  int64_t weight() const { return weight_; }

 private:
  void Erase(typename std::list<Entry>::iterator entry) {
    weight_ -= entry->weight;
    index_.erase(entry->key);
    entries_.erase(entry);
  }

  const size_t max_entries_;
  const int64_t max_weight_;
  std::list<Entry> entries_;
  std::map<Key, typename std::list<Entry>::iterator> index_;
  int64_t weight_ = 0;
};

}  // namespace metastep

#endif  // METASTEP_WORKER_LRU_MAP_H_
