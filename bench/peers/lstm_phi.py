"""The learned rule's meta-parameters in the order of
optimizer/recurrent_architecture.h.

A layer is (weight [inputs + units, 4, units], bias [4, units]) with the gates
i, j (the candidate), f, o; the output is (weight [units], bias [1]).
"""
import math

from peer import np

LOG_EPSILON = 2.0 ** -23  # kLogEpsilon


def shapes(units_of_layers):
    inputs = 2  # log and sign
    for units in units_of_layers:
        yield (inputs + units, 4, units)
        yield (4, units)
        inputs = units
    yield (inputs,)
    yield (1,)


def unpack(phi, units_of_layers):
    """phi as ([(weight, bias) of each layer], (output weight, output bias))."""
    parts = []
    for shape in shapes(units_of_layers):
        size = math.prod(shape)
        parts.append(phi[:size].reshape(shape))
        phi = phi[size:]
    pairs = list(zip(parts[::2], parts[1::2]))
    return pairs[:-1], pairs[-1]


def pack(layers, output):
    """The inverse of unpack."""
    parts = [part for pair in [*layers, output] for part in pair]
    return np.concatenate([np.ravel(part) for part in parts])
