"""A trained update rule in process, without a server."""
from __future__ import annotations

import hashlib
import re
from typing import Any, Callable, Union

import torch
from torch import Tensor

from metastep import model_file, rules
from metastep.torch import cells, parameters
from metastep.torch.hand_designed import HandDesignedRule
from metastep.v1 import spec_pb2

# Coordinates that are stepped at once: some 20 MB of gates for 2x20 units.
_CHUNK = 65_536

# What a group's rule may be given as: a file, its content, or a rule without
# meta-parameters.
Source = Union[model_file.ModelFile, model_file.Model,
               spec_pb2.HandDesignedSpec, 'dict[str, Any]']
_Rule = Union[cells.Rule, HandDesignedRule]


class LearnedOptimizer(torch.optim.Optimizer):
    """Steps by a learned update rule in process, in plain torch.

        optimizer = LearnedOptimizer.from_model(
            'mnist.safetensors', network.named_parameters())

    It takes the place of torch.optim.Adam in a training loop, on any device,
    and computes what a server's session would, up to rounding. Steps are
    computed in float32, whatever the parameters' type. A parameter without a
    gradient is passed over, as in torch.optim.

    Args:
      params: as torch.optim takes them, or named_parameters(). A model with
        several rules chooses by these names.
      model: a model file's path or bytes, a loaded model, or a hand-designed
        rule (metastep.hand_designed). A group may have its own, as "model".
      lr: factor on the updates; 1 is what the rule was trained for. Schedulers
        move it group by group.

    Raises:
      ValueError: not a model file, a cell that is not known here, or a
        parameter that none of the model's rules serves.
    """

    def __init__(self, params: parameters.Params, model: Source,
                 lr: float = 1.0) -> None:
        self._source = model
        # [parameter groups][parameters of the group]
        self._rules: list[list[_Rule]] = []
        super().__init__(params, {'lr': lr})

    @classmethod
    def from_model(cls, file: model_file.ModelFile, params: parameters.Params,
                   lr: float = 1.0) -> LearnedOptimizer:
        """An optimizer of a model file (`metastep models export`)."""
        return cls(params, file, lr)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), '_source': self._source,
                '_rules': self._rules}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        param_group = dict(param_group)  # the caller's stays as it is
        source = param_group.pop('model', self._source)
        parameters.name_tensors(
            param_group,
            sum(len(group['params']) for group in self.param_groups))
        rule_of = make_rules(source)
        chosen = [rule_of(name) for name in param_group['tensor_names']]
        super().add_param_group(param_group)
        self._rules.append(chosen)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Takes one step; returns the closure's loss, if there is one.

        Raises:
          RuntimeError: a gradient is sparse or complex; nothing has moved.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters.check_gradients(group, 'LearnedOptimizer')
        for group, chosen in zip(self.param_groups, self._rules):
            for param, rule in zip(group['params'], chosen):
                if param.grad is not None:
                    self._step_one(param, param.grad, rule, group['lr'])
        return loss

    def _step_one(self, param: Tensor, gradient: Tensor, rule: _Rule,
                  lr: float) -> None:
        gradient = gradient.reshape(-1).float()
        kept = self.state[param]
        if not kept:
            kept['step'] = 0
            kept['rule'] = gradient.new_zeros(gradient.numel(), rule.variables)
        kept['step'] += 1
        updates = [rule.step(kept['step'], some, state) for some, state in zip(
            gradient.split(_CHUNK), kept['rule'].split(_CHUNK))]
        update = torch.cat(updates) if updates else gradient
        param.add_(update.view_as(param).to(param.dtype), alpha=lr)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        # The base class rounds state to the parameters' type.
        of_param = iter([param for group in self.param_groups
                         for param in group['params']])
        for group in state_dict['param_groups']:
            for index in group['params']:
                param = next(of_param)
                if index in state_dict['state']:
                    exact = state_dict['state'][index]['rule']
                    self.state[param]['rule'] = exact.to(param.device,
                                                         copy=True)


def make_rules(source: Source) -> Callable[[str], _Rule]:
    """From a tensor's name to the rule that serves it."""
    if isinstance(source, dict):
        source = rules.from_dict(source)
    if isinstance(source, spec_pb2.HandDesignedSpec):
        same = HandDesignedRule(source)
        return lambda name: same
    model = (source if isinstance(source, model_file.Model)
             else model_file.load(source))
    phi = _Phi(model)
    made = [([_glob(pattern) for pattern in rule.parameters or ['*']],
             cells.make_learned_rule(rule.rule, phi.below(rule.name)))
            for rule in model.info.rules]
    phi.check()

    def rule_of(name: str) -> _Rule:
        for patterns, rule in made:
            if any(pattern.fullmatch(name) for pattern in patterns):
                return rule
        raise ValueError(f'no rule of the model serves parameter {name!r}; '
                         'name parameters as the model was trained, by '
                         'named_parameters()')
    return rule_of


class _Phi:
    """Hands a model's tensors out, in the order of phi."""

    def __init__(self, model: model_file.Model) -> None:
        self._model = model
        self._taken: list[str] = []

    def below(self, rule: str) -> cells.Take:
        def take(name: str, shape: tuple[int, ...]) -> Tensor:
            full = f'{rule}.{name}'
            found = self._model.tensors.get(full)
            if found is None or found.shape != shape:
                raise ValueError(
                    f'not a model file: {full} must have shape {shape}, '
                    f'not {None if found is None else found.shape}')
            self._taken.append(full)
            return torch.from_numpy(found.copy())
        return take

    def check(self) -> None:
        """Raises ValueError unless phi is what the file says of it."""
        tensors = self._model.tensors
        if len(self._taken) != len(tensors):
            raise ValueError('not a model file: its rules have '
                             f'{len(self._taken)} tensors, not {len(tensors)}')
        stated = self._model.info.phi_sha256
        digest = hashlib.sha256(b''.join(
            tensors[name].tobytes() for name in self._taken)).hexdigest()
        if stated and stated != digest:
            raise ValueError(f'not a model file: phi_sha256 is {stated}; that '
                             f'of the tensors is {digest}')


def _glob(pattern: str) -> re.Pattern[str]:
    """As optimizer/grouped_rule.h: only * and ? are special."""
    return re.compile(re.escape(pattern).replace(r'\*', '.*')
                      .replace(r'\?', '.'), re.DOTALL)
