#include "server/shard_board.h"

#include <cstdlib>

namespace metastep {

void ShardBoard::Move(int shard, State from, State to) {
  State& state = shards_[shard].state;
  // Our own invariant: the lease table holds one live lease a leased shard.
  if (state != from) std::abort();
  state = to;
  open_ += (to == State::kOpen) - (from == State::kOpen);
  done_ += (to == State::kDone);
}

}  // namespace metastep
