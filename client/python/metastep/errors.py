"""Errors of calls: what the server said, in a form to act on."""
from __future__ import annotations

from typing import Mapping

import grpc

from metastep.v1 import error_pb2

_DETAILS = 'grpc-status-details-bin'
_ERROR_INFO = 'google.rpc.ErrorInfo'
# A server that does not answer, or that cancels its calls because it stops, is
# as good as one that is out of reach (rpc/retry.h).
_OUT_OF_REACH = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED,
                 grpc.StatusCode.CANCELLED)


class Error(Exception):
    """A call failed.

    Attributes:
      code: gRPC's status code.
      reason: what went wrong, such as "STEP_GAP"; empty where the server gives
        none. The protos list each call's.
      metadata: values that belong to the reason, such as {"tensor": "w"}.
    """

    def __init__(self, message: str, code: grpc.StatusCode, reason: str = '',
                 metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.metadata = dict(metadata or {})


class Unavailable(Error):
    """The server is out of reach, or did not answer in time."""


class NotFound(Error):
    """There is no such session, snapshot, model or run."""


def from_grpc(error: grpc.RpcError) -> Error:
    """The Error that a failed call stands for."""
    code, message = error.code(), error.details() or ''
    info = _error_info(error)
    kind = Error
    if code in _OUT_OF_REACH:
        kind = Unavailable
    elif code is grpc.StatusCode.NOT_FOUND:
        kind = NotFound
    return kind(message or code.name, code, info.reason, info.metadata)


def _error_info(error: grpc.RpcError) -> error_pb2.ErrorInfo:
    info = error_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key != _DETAILS:
            continue
        for detail in error_pb2.RpcStatus.FromString(value).details:
            if detail.type_url.rpartition('/')[2] == _ERROR_INFO:
                info.MergeFromString(detail.value)
    return info
