"""A session of the step service, for NumPy."""
from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Iterator, Mapping

import grpc
import numpy as np

from metastep import _floats, errors
from metastep.v1 import step_service_pb2 as pb

if TYPE_CHECKING:
    from metastep.client import Client

# Coordinates of one chunk, and the most that goes as one message.
CHUNK = 262_144


class Session:
    """An optimisation whose state the server keeps.

        with client.open_session('mnist', {'w': (10, 3), 'b': (3,)}) as session:
            for _ in range(100):
                theta += session.step(gradient_at(theta))

    Made by Client.open_session and Client.restore_session. Steps carry numbers:
    one whose answer was lost is repeated without being taken twice. Gradients
    of more than 262,144 coordinates go as a stream. Not thread-safe.

    Every method raises errors.Unavailable when the server is out of reach for
    the client's give_up_after, and errors.Error for what the server refuses.

    Attributes:
      shapes: the tensors, in the order of the gradient; empty for a restored
        session, whose snapshot knows them.
    """

    def __init__(self, client: Client, opened: pb.Session,
                 shapes: Mapping[str, tuple[int, ...]],
                 wire_format: str) -> None:
        self._client = client
        self._session = opened
        self._wire = wire_format
        self._closed = False
        self.shapes = dict(shapes)

    @property
    def info(self) -> pb.Session:
        """As the server opened it; next_step is kept up to date."""
        return self._session

    @property
    def coordinates(self) -> int:
        """N, over all tensors."""
        return self._session.coordinates

    @property
    def next_step(self) -> int:
        """The number of the step that `step` takes; the first is 1."""
        return self._session.next_step

    def step(self, gradient: np.ndarray) -> np.ndarray:
        """Takes one step.

        After errors.Unavailable the server may have taken it: call again with
        the same gradient. After any other error the session is as before.

        Args:
          gradient: [N], all tensors one after another; any float type.

        Returns:
          What to add to the parameters, float32 [N].

        Raises:
          ValueError: the gradient has another size.
          errors.NotFound: SESSION_UNKNOWN: closed or expired.
          errors.Error: GRADIENT_NOT_FINITE, with the tensor and the offset;
            STEP_GAP: somebody else steps this session; SESSION_BUSY.
        """
        self._check_open()
        flat = np.ascontiguousarray(gradient, np.float32).reshape(-1)
        if flat.size != self.coordinates:
            raise ValueError(f'the gradient has {flat.size} coordinates; the '
                             f'session has {self.coordinates}')
        update = np.empty_like(flat)
        if flat.size <= CHUNK:
            self._step_by_message(flat, update)
        else:
            self._client.caller.retry(lambda: self._stream(flat, update))
        self._session.next_step += 1
        return update

    def step_tensors(
            self, gradients: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Takes one step with a gradient for each tensor.

        Args:
          gradients: one for each of `shapes`, of that shape.

        Returns:
          What to add to each, float32.

        Raises:
          ValueError: another name or shape; else as `step`.
        """
        if set(gradients) != set(self.shapes):
            raise ValueError(f'gradients are for {sorted(gradients)}; the '
                             f'session has {sorted(self.shapes)}')
        for name, shape in self.shapes.items():
            if np.shape(gradients[name]) != shape:
                raise ValueError(f'the gradient of {name!r} has shape '
                                 f'{np.shape(gradients[name])}, not {shape}')
        update = self.step(np.concatenate(
            [np.ravel(gradients[name]) for name in self.shapes]))
        updates = {}
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            updates[name], update = update[:size].reshape(shape), update[size:]
        return updates

    def save(self) -> str:
        """Writes the session to the server's disk; returns the snapshot's id.

        After a step that raised errors.Unavailable, keep next_step with it, for
        Client.restore_session: the server may have taken that step.

        Raises:
          errors.Error: QUOTA_SNAPSHOTS: no room; delete some
            (Client.delete_snapshot).
        """
        self._check_open()
        request = pb.SaveSessionRequest(session_id=self._session.session_id)
        return self._client.caller.unary(self._client.steps.SaveSession,
                                         request).snapshot_id

    def close(self) -> None:
        """Frees the server's memory; fine if it has forgotten the session."""
        if self._closed:
            return
        request = pb.CloseSessionRequest(session_id=self._session.session_id)
        try:
            self._client.caller.unary(self._client.steps.CloseSession, request)
        except errors.NotFound:
            pass
        self._closed = True

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        try:
            self.close()
        except errors.Unavailable:
            # The server's ttl is the remedy; the block's own error goes first.
            pass

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError('the session is closed; open another')

    def _step_by_message(self, gradient: np.ndarray,
                         update: np.ndarray) -> None:
        wire = _floats.FORMATS[self._wire]
        answer = self._client.caller.unary(
            self._client.steps.Step,
            pb.StepRequest(session_id=self._session.session_id,
                           step=self.next_step,
                           gradient=_floats.encode(self._wire, gradient),
                           gradient_format=wire, update_format=wire))
        expected = gradient.size * _floats.bytes_per_float(self._wire)
        if len(answer.update) != expected:
            raise self._wrong(f'{len(answer.update)} bytes, not {expected}')
        _floats.decode(self._wire, answer.update, update)

    def _stream(self, gradient: np.ndarray, update: np.ndarray) -> None:
        """One attempt to take the step by a StepStream of its own.

        gRPC takes the chunks on a thread of its own while answers are read
        here, so neither side waits for the other to read.
        """
        done = 0
        try:
            answers = self._client.steps.StepStream(
                self._chunks(gradient), timeout=self._client.caller.timeout)
            for answer in answers:
                size = len(answer.update) // _floats.bytes_per_float(self._wire)
                if answer.step != self.next_step or done + size > update.size:
                    raise self._wrong(
                        f'{size} coordinates of step {answer.step} where '
                        f'{update.size - done} were left')
                _floats.decode(self._wire, answer.update,
                               update[done:done + size])
                done += size
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.ABORTED:
                # The stream of an attempt before, which the server holds for
                # alive, took turns with this one.
                raise _Preempted(error) from error
            raise
        if done != update.size:
            raise self._wrong(f'only {done} of {update.size} coordinates')

    def _chunks(self, gradient: np.ndarray) -> Iterator[pb.StepStreamRequest]:
        wire = _floats.FORMATS[self._wire]
        begin = pb.StepBegin(session_id=self._session.session_id,
                             step=self.next_step, coordinates=gradient.size,
                             gradient_format=wire, update_format=wire)
        for at in range(0, gradient.size, CHUNK):
            chunk = _floats.encode(self._wire, gradient[at:at + CHUNK])
            yield pb.StepStreamRequest(begin=begin if at == 0 else None,
                                       gradient=chunk)

    def _wrong(self, what: str) -> errors.Error:
        return errors.Error(f'the server answered step {self.next_step} with '
                            f'{what}', grpc.StatusCode.INTERNAL)


class _Preempted(grpc.RpcError):
    """An ABORTED stream, as the UNAVAILABLE that is tried again."""

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__()
        self._details = error.details() or ''

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[()]:
        return ()
