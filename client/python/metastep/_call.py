"""How calls are made: the channel, deadlines, and retries."""
from __future__ import annotations

import dataclasses
import random
import time
from typing import Any, Callable, TypeVar

import grpc

from metastep import errors

_Result = TypeVar('_Result')

# Payload of 4 MiB and its envelope, as rpc/message_limit.h.
_MAX_MESSAGE_BYTES = (4 << 20) + (64 << 10)
# A dead peer is found within 40 s, a restarted one within 2 s.
_CHANNEL_OPTIONS = (
    ('grpc.keepalive_time_ms', 30_000),
    ('grpc.keepalive_timeout_ms', 10_000),
    ('grpc.max_reconnect_backoff_ms', 2_000),
    ('grpc.enable_retries', 0),
    ('grpc.max_receive_message_length', _MAX_MESSAGE_BYTES),
)
_MAX_BACKOFF = 20.0


def make_channel(address: str) -> grpc.Channel:
    return grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)


@dataclasses.dataclass(frozen=True)
class Caller:
    """Repeats calls that the server did not answer. Thread-safe.

    Attributes:
      timeout: of one attempt, in seconds.
      initial_backoff: bound of the first wait, in seconds; it doubles.
      give_up_after: no attempt starts later than this after the first.
    """

    timeout: float
    initial_backoff: float
    give_up_after: float

    def unary(self, method: Callable[..., _Result], request: Any) -> _Result:
        """The answer of a call that may be repeated."""
        return self.retry(lambda: method(request, timeout=self.timeout))

    def retry(self, attempt: Callable[[], _Result]) -> _Result:
        """Calls until the outcome is anything but errors.Unavailable.

        Raises:
          errors.Error: of the last attempt.
        """
        start = time.monotonic()
        bound = self.initial_backoff
        while True:
            try:
                return attempt()
            except grpc.RpcError as raised:
                error = errors.from_grpc(raised)
            spent = time.monotonic() - start
            if not isinstance(error, errors.Unavailable):
                raise error
            if spent >= self.give_up_after:
                raise errors.Unavailable(
                    f'{error}; gave up after {spent:.1f} s', error.code)
            time.sleep(min(random.uniform(0, bound),
                           self.give_up_after - spent))
            bound = min(2 * bound, _MAX_BACKOFF)
