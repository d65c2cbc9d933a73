"""Hand-designed rules in plain torch: twins of optimizer/hand_designed.cc."""
from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

from metastep.v1 import spec_pb2

_DEFAULTS = {'momentum': 0.9, 'alpha': 0.99, 'epsilon': 1e-8, 'beta1': 0.9,
             'beta2': 0.999}


class HandDesignedRule:
    """As cells.LearnedRule: a step of a gradient [n] and a state."""

    def __init__(self, spec: spec_pb2.HandDesignedSpec) -> None:
        """Raises ValueError for a spec without a rule."""
        kind = spec.WhichOneof('rule')
        if kind is None:
            raise ValueError('the hand-designed spec names no rule')
        values = getattr(spec, kind)
        self._values = {
            field.name: getattr(values, field.name)
            if field.name not in _DEFAULTS or values.HasField(field.name)
            else _DEFAULTS[field.name] for field in values.DESCRIPTOR.fields}
        self.variables, self._rule = _RULES[kind]

    def step(self, number: int, gradient: Tensor, state: Tensor) -> Tensor:
        return self._rule(number, gradient, state, **self._values)


def _sgd(number: int, gradient: Tensor, state: Tensor,
         learning_rate: float) -> Tensor:
    del number, state
    return -learning_rate * gradient


def _momentum(number: int, gradient: Tensor, state: Tensor,
              learning_rate: float, momentum: float) -> Tensor:
    del number
    velocity = state[:, 0]
    velocity.mul_(momentum).sub_(gradient, alpha=learning_rate)
    return velocity.clone()


def _nag(number: int, gradient: Tensor, state: Tensor, learning_rate: float,
         momentum: float) -> Tensor:
    velocity = _momentum(number, gradient, state, learning_rate, momentum)
    return momentum * velocity - learning_rate * gradient


def _rmsprop(number: int, gradient: Tensor, state: Tensor,
             learning_rate: float, alpha: float, epsilon: float) -> Tensor:
    del number
    square = state[:, 0]
    square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
    return -learning_rate * gradient / (square.sqrt() + epsilon)


def _adam(number: int, gradient: Tensor, state: Tensor, learning_rate: float,
          beta1: float, beta2: float, epsilon: float) -> Tensor:
    mean, square = state[:, 0], state[:, 1]
    mean.mul_(beta1).add_(gradient, alpha=1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    root = torch.sqrt(square / (1 - beta2 ** number))
    return -learning_rate * (mean / (1 - beta1 ** number)) / (root + epsilon)


# State variables of a coordinate, and the rule.
_RULES: dict[str, tuple[int, Callable[..., Tensor]]] = {
    'sgd': (0, _sgd),
    'momentum': (1, _momentum),
    'nag': (1, _nag),
    'rmsprop': (1, _rmsprop),
    'adam': (2, _adam),
}
