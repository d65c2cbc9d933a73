"""Model files, read with NumPy alone; docs/model-format.md is normative."""
from __future__ import annotations

import dataclasses
import json
import os
from typing import Union

import numpy as np
from google.protobuf import json_format

from metastep.v1 import model_pb2

MAX_BYTES = 4 << 20
_MAX_HEADER_BYTES = 1 << 20
_INFO_KEY = 'metastep'

# A model file's path or bytes.
ModelFile = Union[str, 'os.PathLike[str]', bytes]


@dataclasses.dataclass(frozen=True)
class Model:
    """A trained update rule.

    Attributes:
      info: its rules and where it comes from.
      tensors: phi by name, float32, read-only.
    """

    info: model_pb2.ModelInfo
    tensors: dict[str, np.ndarray]


def load(file: ModelFile) -> Model:
    """Reads a model file.

    Raises:
      ValueError: it is none; the message says what is wrong with it.
      OSError: it cannot be read.
    """
    if isinstance(file, bytes):
        return _decode(file)
    with open(file, 'rb') as opened:
        return _decode(opened.read(MAX_BYTES + 1))


def _decode(data: bytes) -> Model:
    if len(data) > MAX_BYTES:
        raise _malformed(f'it has more than {MAX_BYTES} bytes')
    size = int.from_bytes(data[:8], 'little')
    if len(data) < 8 or size > min(_MAX_HEADER_BYTES, len(data) - 8):
        raise _malformed(f'its header would have {size} bytes')
    try:
        if data[8:9] != b'{':
            raise ValueError("its header does not start with '{'")
        header = json.loads(data[8:8 + size].decode(),
                            object_pairs_hook=_without_repetition)
        metadata = header.pop('__metadata__')[_INFO_KEY]
        info = json_format.Parse(metadata, model_pb2.ModelInfo())
        _check_tiling(header, len(data) - 8 - size)
        tensors = {name: _tensor(name, entry, data[8 + size:])
                   for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError,
            json_format.ParseError) as error:
        raise _malformed(f'{type(error).__name__}: {error}') from error
    if not info.rules:
        raise _malformed('it has no rules')
    values = sum(tensor.size for tensor in tensors.values())
    if info.phi_size not in (0, values):
        raise _malformed(f'phi_size is {info.phi_size}; the tensors have '
                         f'{values} values')
    return Model(info, tensors)


def _without_repetition(pairs: list[tuple[str, object]]) -> dict:
    """Raises ValueError if an object has a key twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError('an object of its header has a key twice')
    return made


def _check_tiling(header: dict, size: int) -> None:
    """Raises ValueError unless the tensors tile the data."""
    at = 0
    for begin, end in sorted(entry['data_offsets']
                             for entry in header.values()):
        if begin != at:
            raise ValueError(f'a tensor begins at byte {begin}, not at {at}')
        at = end
    if at != size:
        raise ValueError(f'the tensors have {at} bytes, the data {size}')


def _tensor(name: str, entry: dict, data: bytes) -> np.ndarray:
    if set(entry) != {'dtype', 'shape', 'data_offsets'}:
        raise ValueError(f'tensor {name} has the keys {sorted(entry)}')
    begin, end = entry['data_offsets']
    shape = entry['shape']
    if any(type(extent) is not int or extent < 1 for extent in shape):
        raise ValueError(f'tensor {name} has the shape {shape}')
    if entry['dtype'] != 'F32' or not 0 <= begin <= end <= len(data):
        raise ValueError(f'tensor {name} is not F32 within the file')
    values = np.frombuffer(data[begin:end], '<f4').reshape(shape)
    if not np.isfinite(values).all():
        raise ValueError(f'tensor {name} has a value that is not finite')
    return values


def _malformed(what: str) -> ValueError:
    return ValueError(f'not a model file: {what}')
