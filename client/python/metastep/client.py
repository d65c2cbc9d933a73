"""A typed client of all services that users call."""
from __future__ import annotations

import uuid
from types import TracebackType
from typing import Iterable, Iterator, Mapping

import grpc

from metastep import _call, _floats, errors, rules
from metastep.session import Session
from metastep.v1 import (model_pb2, model_service_pb2, model_service_pb2_grpc,
                         run_service_pb2, run_service_pb2_grpc, spec_pb2,
                         step_service_pb2, step_service_pb2_grpc)

# A stream that watches a run is renewed this often, in seconds.
_WATCH_TIMEOUT = 600.0


class Client:
    """A connection to a metastep server.

    Calls have a deadline and are repeated while the server is out of reach;
    all of them are safe to repeat. They raise errors.Unavailable once that has
    lasted for give_up_after, and errors.Error, with the server's reason, for
    anything else. Thread-safe.

    Args:
      address: "host:port". The connection is neither encrypted nor
        authenticated, as the server's is.
      timeout: of one attempt of a call, in seconds.
      initial_backoff: bound of the first wait between attempts, in seconds;
        it doubles.
      give_up_after: no attempt starts later than this after a call's first, in
        seconds.
    """

    def __init__(self, address: str = '127.0.0.1:7070', *,
                 timeout: float = 30.0, initial_backoff: float = 0.1,
                 give_up_after: float = 60.0) -> None:
        self.address = address
        self.caller = _call.Caller(timeout, initial_backoff, give_up_after)
        self._channel = _call.make_channel(address)
        # The generated stubs, for calls that this class does not wrap.
        self.steps = step_service_pb2_grpc.StepServiceStub(self._channel)
        self.model_service = model_service_pb2_grpc.ModelServiceStub(
            self._channel)
        self.run_service = run_service_pb2_grpc.RunServiceStub(self._channel)

    # ---- Sessions.

    def open_session(self, rule: rules.Rule,
                     tensors: Mapping[str, Iterable[int]], *,
                     ttl: float | None = None, state_format: str = 'float32',
                     wire_format: str = 'float32') -> Session:
        """Opens an optimisation of parameters of these names and shapes.

        Args:
          rule: a model ("mnist", "mnist@3", "mnist@best") or a hand-designed
            rule (rules.hand_designed).
          tensors: shape of each parameter, in the order of the gradient; ()
            is a scalar.
          ttl: the server forgets a session that is unused for so many seconds,
            1 to 86400. Default: an hour.
          state_format: how the server keeps the state, float32 or bfloat16,
            which halves its memory and is not for every rule
            (step_service.proto).
          wire_format: how gradients and updates are sent, float32, bfloat16 or
            float16.

        Raises:
          ValueError: a format or a model's name is none.
          errors.NotFound: MODEL_UNKNOWN.
          errors.Error: TENSOR_SPEC or RULE_SPEC: a shape or the rule is wrong;
            QUOTA_COORDINATES, QUOTA_BYTES or QUOTA_SESSIONS: no room.
        """
        _floats.check_format('state_format', state_format,
                             ('float32', 'bfloat16'))
        shapes = {name: tuple(map(int, shape))
                  for name, shape in tensors.items()}
        request = step_service_pb2.OpenSessionRequest(
            request_id=uuid.uuid4().hex,
            tensors=[step_service_pb2.TensorSpec(name=name, shape=shape)
                     for name, shape in shapes.items()],
            state_format=_floats.FORMATS[state_format])
        message = rules.to_message(rule)
        if isinstance(message, spec_pb2.ModelRef):
            request.model.CopyFrom(message)
        else:
            request.hand_designed.CopyFrom(message)
        return self._session(self.steps.OpenSession, request, ttl, shapes,
                             wire_format)

    def restore_session(self, snapshot_id: str, *,
                        next_step: int | None = None, ttl: float | None = None,
                        wire_format: str = 'float32') -> Session:
        """Opens a session that goes on where Session.save left another.

        Args:
          next_step: the saved session's next_step. It is one behind that of the
            snapshot if the last step's answer was lost: the step is then asked
            for again, with the same gradient. Default: the snapshot's.

        Raises:
          errors.NotFound: SNAPSHOT_UNKNOWN.
          errors.Error: QUOTA_BYTES or QUOTA_SESSIONS: no room.
        """
        request = step_service_pb2.RestoreSessionRequest(
            request_id=uuid.uuid4().hex, snapshot_id=snapshot_id)
        session = self._session(self.steps.RestoreSession, request, ttl, {},
                                wire_format)
        if next_step is not None:
            session.info.next_step = next_step
        return session

    def _session(self, method, request, ttl: float | None,
                 shapes: Mapping[str, tuple[int, ...]],
                 wire_format: str) -> Session:
        _floats.check_format('wire_format', wire_format,
                             tuple(_floats.FORMATS))
        if ttl is not None:
            request.ttl.FromNanoseconds(round(ttl * 1e9))
        opened = self.caller.unary(method, request).session
        return Session(self, opened, shapes, wire_format)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Deletes what Session.save wrote; fine if there is none."""
        request = step_service_pb2.DeleteSnapshotRequest(
            snapshot_id=snapshot_id)
        try:
            self.caller.unary(self.steps.DeleteSnapshot, request)
        except errors.NotFound:
            pass

    def sessions(self) -> list[step_service_pb2.Session]:
        """The open sessions, oldest first."""
        return self._all_pages(self.steps.ListSessions,
                               step_service_pb2.ListSessionsRequest(),
                               'sessions')

    # ---- Models.

    def models(self) -> list[model_pb2.ModelInfo]:
        """All model versions, by name and then by version."""
        return self._all_pages(self.model_service.ListModels,
                               model_service_pb2.ListModelsRequest(), 'models')

    def model(self, ref: str | spec_pb2.ModelRef) -> model_pb2.ModelInfo:
        """What is known of one version. Raises errors.NotFound."""
        request = model_service_pb2.GetModelRequest(
            model=rules.to_model_ref(ref))
        return self.caller.unary(self.model_service.GetModel, request).model

    def export_model(self, ref: str | spec_pb2.ModelRef) -> bytes:
        """A version's safetensors file. Raises errors.NotFound."""
        request = model_service_pb2.ExportModelRequest(
            model=rules.to_model_ref(ref))
        return self.caller.unary(self.model_service.ExportModel,
                                 request).safetensors

    def import_model(self, name: str,
                     safetensors: bytes) -> model_pb2.ModelInfo:
        """Files a safetensors file under a name, as its next version.

        Raises:
          errors.Error: INVALID_ARGUMENT: not a model file.
        """
        request = model_service_pb2.ImportModelRequest(
            name=name, safetensors=safetensors)
        return self.caller.unary(self.model_service.ImportModel, request).model

    # ---- Runs.

    def create_run(self, spec: spec_pb2.RunSpec) -> run_service_pb2.Run:
        """Starts a run on the server's workers.

        Raises:
          errors.Error: INVALID_ARGUMENT: the spec is wrong, and where.
        """
        request = run_service_pb2.CreateRunRequest(
            request_id=uuid.uuid4().hex, spec=spec)
        return self.caller.unary(self.run_service.CreateRun, request).run

    def runs(self) -> list[run_service_pb2.Run]:
        """All runs, newest first."""
        return self._all_pages(self.run_service.ListRuns,
                               run_service_pb2.ListRunsRequest(), 'runs')

    def run(self, run_id: str) -> run_service_pb2.Run:
        """One run. Raises errors.NotFound."""
        request = run_service_pb2.GetRunRequest(run_id=run_id)
        return self.caller.unary(self.run_service.GetRun, request).run

    def cancel_run(self, run_id: str) -> run_service_pb2.Run:
        """Ends a run early. Raises errors.NotFound."""
        request = run_service_pb2.CancelRunRequest(run_id=run_id)
        return self.caller.unary(self.run_service.CancelRun, request).run

    def watch_run(self, run_id: str) -> Iterator[run_service_pb2.Run]:
        """Yields the run now and after each change, until it has ended.

        Outlives restarts of the server. Raises errors.NotFound.
        """
        request = run_service_pb2.WatchRunRequest(run_id=run_id)
        running = True
        while running:
            stream = self.caller.retry(lambda: self._first_of_watch(request))
            try:
                for response in stream:
                    running = (response.run.state
                               == run_service_pb2.Run.RUNNING)
                    yield response.run
            except grpc.RpcError as error:
                if not isinstance(errors.from_grpc(error), errors.Unavailable):
                    raise errors.from_grpc(error) from error

    def _first_of_watch(self, request):
        """A stream that has begun, so that one out of reach is retried."""
        stream = self.run_service.WatchRun(request, timeout=_WATCH_TIMEOUT)
        first = next(stream)

        def whole():
            yield first
            yield from stream
        return whole()

    def _all_pages(self, method, request, field: str) -> list:
        found: list = []
        while True:
            page = self.caller.unary(method, request)
            found.extend(getattr(page, field))
            request.page_token = page.next_page_token
            if not request.page_token:
                return found

    # ---- The connection.

    def close(self) -> None:
        """Closes the connection; sessions stay on the server."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()
