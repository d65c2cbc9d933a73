"""Learned update rules in plain torch: the twins of optimizer/*_reference.h.

A rule maps a gradient [n] and a state [n, variables] to an update [n] and moves
the state on in place; coordinates do not depend on one another. All is float32.
"""
from __future__ import annotations

import math
from typing import Callable

import torch
from torch import Tensor

from metastep.v1 import spec_pb2

# Added to |g| before the logarithm: float32's epsilon.
_LOG_EPSILON = 2.0 ** -23
# Added to the root of the mean square.
_MOMENTS_EPSILON = 1e-8

# Gives a tensor of phi by its name below the rule's, and checks its shape.
Take = Callable[[str, 'tuple[int, ...]'], Tensor]


class Preprocessing:
    """Turns gradients [n] into inputs [n, inputs]."""

    inputs = 1
    variables = 0

    def __call__(self, number: int, gradient: Tensor, state: Tensor) -> Tensor:
        del number, state
        return gradient[:, None]


class LogAndSign(Preprocessing):
    """Appendix A of Andrychowicz et al."""

    inputs = 2

    def __init__(self, p: float) -> None:
        self._p = p

    def __call__(self, number: int, gradient: Tensor, state: Tensor) -> Tensor:
        del number, state
        log = torch.log(gradient.abs() + _LOG_EPSILON) / self._p
        sign = gradient * math.exp(self._p)
        return torch.stack([log.clamp(min=-1), sign.clamp(-1, 1)], dim=1)


class Moments(Preprocessing):
    """Lv et al. 2017, section 5. State: m and v, the running means."""

    inputs = 2
    variables = 2

    def __init__(self, beta1: float, beta2: float) -> None:
        self._beta1, self._beta2 = beta1, beta2

    def __call__(self, number: int, gradient: Tensor, state: Tensor) -> Tensor:
        mean, square = state[:, 0], state[:, 1]
        mean.mul_(self._beta1).add_(gradient, alpha=1 - self._beta1)
        square.mul_(self._beta2).addcmul_(gradient, gradient,
                                          value=1 - self._beta2)
        root = torch.sqrt(square / (1 - self._beta2 ** number))
        inputs = torch.stack([gradient, mean / (1 - self._beta1 ** number)],
                             dim=1)
        return inputs / (root + _MOMENTS_EPSILON)[:, None]


class LstmLayer:
    """State: h [units], then c [units]."""

    def __init__(self, inputs: int, units: int, forget_bias: float, name: str,
                 take: Take) -> None:
        self.units = units
        self.variables = 2 * units
        self._weight = take(f'{name}.weight', (inputs + units, 4 * units))
        bias = take(f'{name}.bias', (4 * units,)).clone()
        bias[2 * units:3 * units] += forget_bias
        self._bias = bias

    def __call__(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Returns h [n, units]."""
        h, c = state[:, :self.units], state[:, self.units:]
        weight = self._weight.to(inputs.device)
        gates = torch.addmm(self._bias.to(inputs.device),
                            torch.cat([inputs, h], dim=1), weight)
        i, j, f, o = gates.chunk(4, dim=1)
        c.mul_(f.sigmoid()).add_(i.sigmoid() * j.tanh())
        h.copy_(o.sigmoid() * c.tanh())
        return h


class LearnedRule:
    """update = output_scale * (w . top + b), top being the last layer's h."""

    def __init__(self, preprocessing: Preprocessing, layers: list[LstmLayer],
                 output_scale: float, take: Take) -> None:
        self._preprocessing = preprocessing
        self._layers = layers
        self._scale = output_scale
        top = layers[-1].units if layers else preprocessing.inputs
        self._weight = take('output.weight', (top,))
        self._bias = take('output.bias', (1,))
        self.variables = preprocessing.variables + sum(
            layer.variables for layer in layers)

    def step(self, number: int, gradient: Tensor, state: Tensor) -> Tensor:
        at = self._preprocessing.variables
        top = self._preprocessing(number, gradient, state[:, :at])
        for layer in self._layers:
            top = layer(top, state[:, at:at + layer.variables])
            at += layer.variables
        output = torch.mv(top, self._weight.to(top.device))
        output = output + self._bias.to(top.device)
        # The last term makes a gradient that is not finite show in the update.
        return self._scale * output + 0 * gradient


def make_learned_rule(spec: spec_pb2.LearnedRuleSpec, take: Take) -> LearnedRule:
    """Raises ValueError for a cell that this version does not know."""
    kind = spec.WhichOneof('cell')
    if kind != 'lstm':
        raise ValueError(f'cell {kind} is not known here, only lstm')
    lstm = with_defaults(spec.lstm)
    preprocessing = _make_preprocessing(lstm.preprocessing)
    layers, inputs = [], preprocessing.inputs
    for i, units in enumerate(lstm.hidden):
        layers.append(LstmLayer(inputs, units, lstm.forget_bias, f'layer{i}',
                                take))
        inputs = units
    return LearnedRule(preprocessing, layers, lstm.output_scale, take)


def with_defaults(spec: spec_pb2.LstmSpec) -> spec_pb2.LstmSpec:
    """The spec with its preset's and its default values written out."""
    full = spec_pb2.LstmSpec(output_scale=1, forget_bias=1)
    presets = spec_pb2.LstmSpec
    if spec.preset != presets.PRESET_UNSPECIFIED and not spec.hidden:
        full.hidden.extend([20, 20])
    if spec.preset == presets.PAPER:
        full.output_scale = 0.1
        full.preprocessing.log_and_sign.p = 10
    elif spec.preset == presets.DM:
        full.output_scale = 0.01
        full.preprocessing.log_and_sign.p = 5
    full.MergeFrom(spec)
    return full


def _make_preprocessing(spec: spec_pb2.Preprocessing) -> Preprocessing:
    kind = spec.WhichOneof('kind') or 'identity'
    if kind == 'identity':
        return Preprocessing()
    if kind == 'log_and_sign':
        return LogAndSign(spec.log_and_sign.p or 10)
    if kind == 'moments':
        full = spec_pb2.Preprocessing.Moments(beta1=0.95, beta2=0.95)
        full.MergeFrom(spec.moments)
        return Moments(full.beta1, full.beta2)
    raise ValueError(f'preprocessing {kind} is not known here, only identity, '
                     'log_and_sign and moments')
