"""Learned update rules in plain torch: the twins of optimizer/*_reference.h.

A rule maps a gradient [n] and a state [n, variables] to an update [n] and moves
the state on in place; coordinates do not depend on one another. All is float32.
"""
from __future__ import annotations

import math
from typing import Callable, TypeVar, Union

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


class _Product:
    """x W + b, for the W and b of a name."""

    def __init__(self, name: str, operands: int, columns: int,
                 take: Take) -> None:
        self._weight = take(f'{name}.weight', (operands, columns))
        self._bias = take(f'{name}.bias', (columns,))

    def __call__(self, x: Tensor) -> Tensor:
        return torch.addmm(self._bias.to(x.device), x,
                           self._weight.to(x.device))


class LstmLayer:
    """State: h [units], then c [units]."""

    def __init__(self, inputs: int, units: int, forget_bias: float, name: str,
                 take: Take) -> None:
        self.units = units
        self.variables = 2 * units
        self._gates = _Product(name, inputs + units, 4 * units, take)
        self._forget_bias = forget_bias

    def __call__(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Returns h [n, units]."""
        h, c = state[:, :self.units], state[:, self.units:]
        gates = self._gates(torch.cat([inputs, h], dim=1))
        i, j, f, o = gates.chunk(4, dim=1)
        forget = torch.sigmoid(f + self._forget_bias)
        c.mul_(forget).add_(i.sigmoid() * j.tanh())
        h.copy_(o.sigmoid() * c.tanh())
        return h


class GruLayer:
    """State: h [units]."""

    def __init__(self, inputs: int, units: int, name: str, take: Take) -> None:
        self.units = units
        self.variables = units
        self._gates = _Product(f'{name}.gates', inputs + units, 2 * units, take)
        self._candidate = _Product(f'{name}.candidate', inputs, units, take)
        self._recurrent = _Product(f'{name}.recurrent', units, units, take)

    def __call__(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Returns h [n, units]."""
        r, z = self._gates(torch.cat([inputs, state], dim=1)).sigmoid().chunk(
            2, dim=1)
        n = torch.tanh(self._candidate(inputs) + r * self._recurrent(state))
        state.copy_((1 - z) * n + z * state)
        return state


class LmuLayer:
    """The Legendre memory unit (Voelker, Kajic and Eliasmith 2019). State: h
    [units], then m [order]."""

    def __init__(self, inputs: int, units: int, order: int, length: float,
                 name: str, take: Take) -> None:
        self.units = units
        self.variables = units + order
        self._encoder = take(f'{name}.encoder.weight',
                             (inputs + units + order, 1))
        self._hidden = _Product(name, inputs + units, units, take)
        self._of_memory = take(f'{name}.memory.weight', (order, units))
        self._a, self._b = _legendre_memory(order, length)

    def __call__(self, inputs: Tensor, state: Tensor) -> Tensor:
        """Returns h [n, units]."""
        h, m = state[:, :self.units], state[:, self.units:]
        device = inputs.device
        x = torch.cat([inputs, h], dim=1)
        u = torch.cat([x, m], dim=1) @ self._encoder.to(device)  # [n, 1]
        m.copy_(m @ self._a.to(device).t() + u * self._b.to(device))
        h.copy_(torch.tanh(self._hidden(x) + m @ self._of_memory.to(device)))
        return h


def _legendre_memory(order: int, length: float) -> tuple[Tensor, Tensor]:
    """A [order, order] and B [order] of m' = A m + B u: the zero-order hold,
    over one step, of the paper's equations 1 and 2."""
    i = torch.arange(order, dtype=torch.float64)[:, None]
    j = i.t()
    sign = torch.where(i < j, -1.0, (-1.0) ** (i - j + 1))
    system = torch.zeros(order + 1, order + 1, dtype=torch.float64)
    system[:order, :order] = (2 * i + 1) / length * sign
    system[:order, order:] = (2 * i + 1) / length * (-1.0) ** i
    # exp((A, B; 0, 0)) = (A', B'; 0, 1)
    held = torch.matrix_exp(system)
    return held[:order, :order].float(), held[:order, order].float()


class LearnedRule:
    """update = output_scale * (w . top + b), top being the last layer's h."""

    def __init__(self, preprocessing: Preprocessing, layers: list[Layer],
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


class AntisymmetricRule:
    """update = (m(g) - m(-g)) / 2 of a rule m. State: that of m for the
    gradients, then that for their images."""

    def __init__(self, rule: LearnedRule) -> None:
        self._rule = rule
        self.variables = 2 * rule.variables

    def step(self, number: int, gradient: Tensor, state: Tensor) -> Tensor:
        own, image = state.chunk(2, dim=1)
        update = self._rule.step(number, gradient, own)
        return (update - self._rule.step(number, -gradient, image)) / 2


Layer = Union[LstmLayer, GruLayer, LmuLayer]
Rule = Union[LearnedRule, AntisymmetricRule]
_Spec = TypeVar('_Spec', spec_pb2.LstmSpec, spec_pb2.GruSpec, spec_pb2.LmuSpec)


def make_learned_rule(spec: spec_pb2.LearnedRuleSpec,
                      take: Take) -> Rule:
    """Raises ValueError for a cell that this version does not know."""
    kind = spec.WhichOneof('cell')
    if kind is None:
        raise ValueError('a rule has no cell that is known here: lstm, gru or '
                         'lmu')
    full = with_defaults(getattr(spec, kind))
    preprocessing = _make_preprocessing(full.preprocessing)
    layers: list[Layer] = []
    inputs = preprocessing.inputs
    for i, units in enumerate(full.hidden):
        layers.append(_make_layer(full, inputs, units, f'layer{i}', take))
        inputs = units
    rule = LearnedRule(preprocessing, layers, full.output_scale, take)
    return AntisymmetricRule(rule) if spec.antisymmetric else rule


def with_defaults(spec: _Spec) -> _Spec:
    """The spec with its preset's and its default values written out."""
    full = type(spec)(output_scale=1)
    presets = spec_pb2.LstmSpec
    if isinstance(full, spec_pb2.LstmSpec):
        full.forget_bias = 1
    if isinstance(full, spec_pb2.LmuSpec):
        full.memory_order = 16
        full.memory_length = 100
    has_preset = spec.preset != presets.PRESET_UNSPECIFIED
    if not spec.hidden and (
            has_preset or not isinstance(spec, spec_pb2.LstmSpec)):
        full.hidden.extend([20, 20])
    if spec.preset == presets.PAPER:
        full.output_scale = 0.1
        full.preprocessing.log_and_sign.p = 10
    elif spec.preset == presets.DM:
        full.output_scale = 0.01
        full.preprocessing.log_and_sign.p = 5
    full.MergeFrom(spec)
    return full


def _make_layer(spec: _Spec, inputs: int, units: int, name: str,
                take: Take) -> Layer:
    if isinstance(spec, spec_pb2.GruSpec):
        return GruLayer(inputs, units, name, take)
    if isinstance(spec, spec_pb2.LmuSpec):
        return LmuLayer(inputs, units, spec.memory_order, spec.memory_length,
                        name, take)
    return LstmLayer(inputs, units, spec.forget_bias, name, take)


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
