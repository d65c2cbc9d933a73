"""Floats as the wire has them; twin of rpc/float_format.h."""
from __future__ import annotations

import math

import numpy as np

from metastep.v1 import step_service_pb2

FORMATS = {
    'float32': step_service_pb2.FLOAT32,
    'bfloat16': step_service_pb2.BFLOAT16,
    'float16': step_service_pb2.FLOAT16,
}
# Magnitudes from here on are sent as infinities: halfway from the format's
# largest number to the power of two above it, to which the tie goes.
OVERFLOW = {
    'float32': math.inf,
    'bfloat16': 2.0 ** 128 - 2.0 ** 119,
    'float16': 2.0 ** 16 - 2.0 ** 4,
}


def check_format(what: str, name: str, allowed: tuple[str, ...]) -> None:
    """Raises ValueError unless `name` is one of `allowed`."""
    if name not in allowed:
        raise ValueError(f'{what} is {name!r}; use one of {", ".join(allowed)}')


def bytes_per_float(name: str) -> int:
    return 4 if name == 'float32' else 2


def encode(name: str, values: np.ndarray) -> bytes:
    """float32 `values` [n] as little-endian bytes, rounded to nearest even."""
    if name == 'float32':
        return values.astype('<f4', copy=False).tobytes()
    if name == 'float16':
        with np.errstate(over='ignore'):  # an infinity, which the server names
            return values.astype('<f2').tobytes()
    bits = values.astype('<f4', copy=False).view('<u4')
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    # Rounding could carry a NaN's bits to an infinity: keep it a quiet NaN.
    return np.where(np.isnan(values), (bits >> 16) | 0x40,
                    rounded).astype('<u2').tobytes()


def decode(name: str, data: bytes, out: np.ndarray) -> None:
    """Writes the floats in `data` to the float32 array `out` [n]."""
    if name == 'float32':
        out[:] = np.frombuffer(data, '<f4')
    elif name == 'float16':
        out[:] = np.frombuffer(data, '<f2')
    else:
        bits = np.frombuffer(data, '<u2').astype('<u4') << 16
        out[:] = bits.view('<f4')
