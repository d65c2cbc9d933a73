"""What both optimizers do with parameter groups: names and gradients."""
from __future__ import annotations

from typing import Any, Iterable, Union

import torch
from torch import Tensor

# As torch.optim takes them, or module.named_parameters(), or groups of either.
Params = Union[Iterable[Tensor], Iterable['tuple[str, Tensor]'],
               Iterable['dict[str, Any]']]


def name_tensors(group: dict[str, Any], taken: int) -> None:
    """Splits (name, tensor) pairs: sets group['params'] and ['tensor_names'].

    Parameters without a name are called "param0", "param1", ..., counted over
    all groups; `taken` have gone to groups before.

    Raises:
      ValueError: the names are not one for each parameter, or not unique.
    """
    params = group['params']
    params = [params] if isinstance(params, Tensor) else list(params)
    names = group.get('tensor_names')
    if names is None:
        names = [param[0] if isinstance(param, tuple) else f'param{taken + i}'
                 for i, param in enumerate(params)]
    params = [param[1] if isinstance(param, tuple) else param
              for param in params]
    if len(names) != len(params) or len(set(names)) != len(names):
        raise ValueError(f'tensor_names must be {len(params)} different names, '
                         f'not {names}')
    group['params'], group['tensor_names'] = params, list(names)


def check_gradients(group: dict[str, Any], optimizer: str) -> bool:
    """Whether the group has a gradient at all.

    Raises:
      RuntimeError: one is sparse or complex.
    """
    for name, param in zip(group['tensor_names'], group['params']):
        gradient = param.grad
        if gradient is None:
            continue
        if gradient.layout is not torch.strided:
            raise RuntimeError(
                f'{optimizer} takes dense gradients; that of {name!r} is '
                f'{gradient.layout}: use sparse=False in the embedding, or '
                'give its parameters to torch.optim.SparseAdam')
        if gradient.is_complex():
            raise RuntimeError(f'{optimizer} takes real parameters; {name!r} '
                               'is complex: use torch.view_as_real')
    return any(param.grad is not None for param in group['params'])
