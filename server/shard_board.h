// Which shards of a phase are open, leased and done.
#ifndef METASTEP_SERVER_SHARD_BOARD_H_
#define METASTEP_SERVER_SHARD_BOARD_H_

#include <map>
#include <string>
#include <vector>

namespace metastep {

// A phase is a fixed set of shards; it is complete when all are done. At every
// moment open + leased + done = size. Not thread-safe.
class ShardBoard {
 public:
  explicit ShardBoard(int shards) : shards_(shards), open_(shards) {}

  int size() const { return static_cast<int>(shards_.size()); }
  int done() const { return done_; }
  int open() const { return open_; }
  int pending() const { return size() - done_; }
  bool complete() const { return done_ == size(); }

  bool IsOpen(int shard) const { return shards_[shard].state == State::kOpen; }
  // Whether this worker may try the shard: one that failed it may not.
  bool MayTry(int shard, const std::string& worker_id) const {
    return shards_[shard].failures.count(worker_id) == 0;
  }
  // Workers that have failed the shard, each with its message.
  using Failures = std::map<std::string, std::string>;
  const Failures& FailuresOf(int shard) const {
    return shards_[shard].failures;
  }

  void Lease(int shard) { Move(shard, State::kOpen, State::kLeased); }
  void Reopen(int shard) { Move(shard, State::kLeased, State::kOpen); }
  void Finish(int shard) { Move(shard, State::kLeased, State::kDone); }
  // Reopens a leased shard for every worker but this one.
  void ReopenAfterFailure(int shard, const std::string& worker_id,
                          const std::string& message) {
    shards_[shard].failures[worker_id] = message;
    Reopen(shard);
  }

 private:
  enum class State { kOpen, kLeased, kDone };
  struct Shard {
    State state = State::kOpen;
    Failures failures;
  };

  void Move(int shard, State from, State to);

  std::vector<Shard> shards_;
  int open_;
  int done_ = 0;
};

}  // namespace metastep

#endif  // METASTEP_SERVER_SHARD_BOARD_H_
