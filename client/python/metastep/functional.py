"""Steps as an init/update pair, in the manner of Optax."""
from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Iterator, NamedTuple

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
      ValueError: of update: gradients of another form than the params; of both:
        two arrays have the same path, as of the keys "a.b" and "a", "b".
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
    try:
        from jax import tree_util
    except ImportError:
        paths, rebuild = list(_walk(tree, ())), partial(_rebuild, tree)
    else:
        paths, structure = tree_util.tree_flatten_with_path(tree)
        rebuild = partial(tree_util.tree_unflatten, structure)
    leaves: _Leaves = {}
    for path, leaf in paths:
        name = '.'.join(map(_key_name, path)) or 'param0'
        if name in leaves:
            raise ValueError(f'two of the arrays are called {name!r}; rename '
                             'one of the keys')
        if (isinstance(leaf, (list, tuple))
                or np.asarray(leaf).dtype == np.object_):
            raise TypeError(
                f'{name!r} is a {type(leaf).__name__}, not an array; params '
                'are dictionaries of arrays or, with JAX, its pytrees')
        leaves[name] = np.asarray(leaf)
    return leaves, lambda updates: rebuild(updates[name] for name in leaves)


def _key_name(key: Any) -> str:
    """What is in one of JAX's keys; else the key itself."""
    for attribute in ('key', 'idx', 'name'):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    if not isinstance(node, dict):
        yield path, node
        return
    for key, value in node.items():
        yield from _walk(value, (*path, str(key)))


def _rebuild(node: Any, updates: Iterator[np.ndarray]) -> Any:
    if not isinstance(node, dict):
        return next(updates)
    return {key: _rebuild(value, updates) for key, value in node.items()}
