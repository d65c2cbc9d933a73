"""Steps as an init/update pair, in the manner of Optax."""
from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple

import numpy as np

from metastep import rules
from metastep.client import Client
from metastep.session import Session


class GradientTransformation(NamedTuple):
    """As optax.GradientTransformation: init(params) gives a state, and
    update(gradients, state) what to add to the params, and the next state."""

    init: Callable[[Any], Session]
    update: Callable[..., 'tuple[Any, Session]']


def remote(client: Client, rule: rules.Rule,
           **options: Any) -> GradientTransformation:
    """An optimizer whose state lives on a server.

        optimizer = metastep.functional.remote(client, 'mnist')
        state = optimizer.init(params)
        updates, state = optimizer.update(grad_of(params), state)
        params = optax.apply_updates(params, updates)

    Params and gradients are dictionaries, nested at will, of arrays or, where
    JAX is installed, any of its pytrees; updates are of the same form, float32
    NumPy arrays. The state is a Session: an update moves it on, so it cannot be
    gone back to, nor be used inside jit. Close it at the end.

    Args:
      client: the server.
      rule: as Client.open_session takes it.
      **options: of Client.open_session.

    Raises:
      TypeError: of init and update: params are no such structure.
      ValueError: of update: gradients of another form than the params.
    """

    def init(params: Any) -> Session:
        leaves, _ = _flatten(params)
        return client.open_session(
            rule, {name: np.shape(leaf) for name, leaf in leaves.items()},
            **options)

    def update(gradients: Any, state: Session,
               params: Any = None) -> tuple[Any, Session]:
        del params  # as Optax passes them
        leaves, rebuild = _flatten(gradients)
        return rebuild(state.step_tensors(leaves)), state

    return GradientTransformation(init, update)


_Leaves = Dict[str, np.ndarray]


def _flatten(tree: Any) -> tuple[_Leaves, Callable[[_Leaves], Any]]:
    """The tree's leaves by their path ("layer0.weight"), and the way back."""
    if isinstance(tree, dict):
        leaves: _Leaves = {}
        _collect(tree, '', leaves)
        return leaves, lambda updates: _rebuild(tree, '', updates)
    try:
        from jax import tree_util
    except ImportError as error:
        raise TypeError(f'params are a {type(tree).__name__}; without JAX they '
                        'must be dictionaries of arrays') from error
    values, structure = tree_util.tree_flatten(tree)
    named = {f'param{i}': np.asarray(value) for i, value in enumerate(values)}
    return named, lambda updates: tree_util.tree_unflatten(
        structure, [updates[name] for name in named])


def _below(path: str, key: Any) -> str:
    return f'{path}.{key}' if path else str(key)


def _collect(node: Any, path: str, leaves: _Leaves) -> None:
    if not isinstance(node, dict):
        leaves[path] = np.asarray(node)
        return
    for key, value in node.items():
        _collect(value, _below(path, key), leaves)


def _rebuild(node: Any, path: str, updates: _Leaves) -> Any:
    if not isinstance(node, dict):
        return updates[path]
    return {key: _rebuild(value, _below(path, key), updates)
            for key, value in node.items()}
