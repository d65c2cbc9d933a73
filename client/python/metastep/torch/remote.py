"""An optimizer for PyTorch whose state lives on a metastep server."""
from __future__ import annotations

import contextlib
import logging
from types import TracebackType
from typing import Any, Callable

import grpc
import numpy as np
import torch
from torch import Tensor

from metastep import _floats, errors, rules
from metastep.client import Client
from metastep.session import Session
from metastep.torch import parameters
from metastep.torch.learned import LearnedOptimizer, Source
from metastep.v1 import spec_pb2

_log = logging.getLogger('metastep')

_ON_UNAVAILABLE = ('raise', 'retry', 'local')
# Where a checkpoint keeps what torch's own format has no place for.
_KEY = 'metastep'


class RemoteOptimizer(torch.optim.Optimizer):
    """Steps taken on a metastep server, in place of torch.optim.Adam.

        with RemoteOptimizer(network.named_parameters(), 'mnist') as optimizer:
            for inputs, labels in batches:
                optimizer.zero_grad()
                loss_of(network(inputs), labels).backward()
                optimizer.step()

    Each parameter group is a session of its own, opened by its first step.
    Gradients go to the server in float32 (see wire_format), updates come back;
    models of over 262,144 parameters stream. A step that raised has moved no
    parameter; call it again with the same gradients.

    A group without any gradient is passed over. In a group with some, a
    parameter without one stays where it is, while its state on the server sees
    a gradient of zero.

    A skipped step, such as GradScaler's, uses nothing up. state_dict() saves
    the sessions on the server, and load_state_dict() goes on from there to the
    same bits; see delete_snapshots for getting rid of them.

    Args:
      params: as torch.optim takes them, or named_parameters(). A model with
        several rules chooses by these names.
      model: of groups that have none of their own: "mnist", "mnist@3",
        "mnist@best", or a hand-designed rule (metastep.hand_designed). A name
        is looked up at once and means the same version from then on.
      lr: factor on the updates; 1 is what the rule was trained for. Schedulers
        move it group by group. (A hand-designed rule has its own learning rate,
        too.)
      server: "host:port", or a Client, which stays open on close().
      on_unavailable: what a step does when the server is out of reach for
        longer than the client's give_up_after. raise: raises
        errors.Unavailable. retry: goes on trying, for ever, and logs a warning
        each time. local: goes on by the same rule in process (LearnedOptimizer)
        from a fresh state, for good, with a warning; also when the server has
        lost the session.
      wire_format: float32, bfloat16 or float16.
      state_format: float32 or bfloat16.
      ttl: the server forgets a session that is unused for so many seconds.
        Default: an hour.
      keep_snapshots: how many of the state_dict()s made by this object stay
        loadable; older ones are deleted from the server. Default: all.

    Raises:
      ValueError: an argument is wrong.
      errors.NotFound: MODEL_UNKNOWN.
      errors.Unavailable: the server is out of reach, where a model has to be
        looked up.
    """

    def __init__(self, params: parameters.Params, model: rules.Rule,
                 lr: float = 1.0, *, server: str | Client = '127.0.0.1:7070',
                 on_unavailable: str = 'raise', wire_format: str = 'float32',
                 state_format: str = 'float32', ttl: float | None = None,
                 keep_snapshots: int | None = None) -> None:
        if on_unavailable not in _ON_UNAVAILABLE:
            raise ValueError(f'on_unavailable is {on_unavailable!r}; use one '
                             f'of {", ".join(_ON_UNAVAILABLE)}')
        if keep_snapshots is not None and keep_snapshots < 1:
            raise ValueError(f'keep_snapshots is {keep_snapshots}; must be at '
                             'least 1')
        self._owns_client = not isinstance(server, Client)
        self._client = server if isinstance(server, Client) else Client(server)
        self._on_unavailable = on_unavailable
        self._formats = {'wire_format': wire_format,
                         'state_format': state_format}
        self._ttl = ttl
        self._keep_snapshots = keep_snapshots
        self._saved: list[list[str]] = []  # snapshots of each state_dict()
        # Of each group, once it is open.
        self._sessions: list[Session | None] = []
        # By group, of a step in which another group failed.
        self._updates: dict[int, np.ndarray] = {}
        self._fallbacks: list[Source] = []  # each group's rule, for `local`
        self._local: LearnedOptimizer | None = None
        self._closed = False
        super().__init__(params, {'lr': lr, 'model': model})

    @property
    def is_local(self) -> bool:
        """Whether on_unavailable='local' has come into force."""
        return self._local is not None

    @property
    def sessions(self) -> list[Session | None]:
        """Of each parameter group, its session once it is open."""
        return list(self._sessions)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        param_group = dict(param_group)  # the caller's stays as it is
        parameters.name_tensors(
            param_group,
            sum(len(group['params']) for group in self.param_groups))
        rule = rules.to_message(
            param_group.get('model', self.defaults['model']))
        if isinstance(rule, spec_pb2.ModelRef):
            info = self._client.model(rule)
            rule = spec_pb2.ModelRef(name=info.name, version=info.version)
        param_group['model'] = rules.to_plain(rule)
        fallback = self._fallback(param_group['model'], self.is_local)
        super().add_param_group(param_group)
        self._sessions.append(None)
        self._fallbacks.append(fallback)
        if self._local is not None:
            self._local.add_param_group(
                self._local_group(param_group, fallback))

    def _fallback(self, model: str | dict[str, Any], is_local: bool) -> Source:
        """A group's rule for steps in process, if there may be any."""
        rule = rules.to_message(model)
        if isinstance(rule, spec_pb2.ModelRef) and (
                is_local or self._on_unavailable == 'local'):
            return self._client.export_model(rule)
        return model

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Takes one step; returns the closure's loss, if there is one.

        Raises:
          RuntimeError: a gradient is sparse or complex, or the optimizer is
            closed.
          errors.Unavailable: as on_unavailable says.
          errors.NotFound: SESSION_UNKNOWN: the server was killed, or ttl
            passed; load a checkpoint, or make a new optimizer.
          errors.Error: GRADIENT_NOT_FINITE and others (Session.step).
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._check_open()
        stepped = [index for index, group in enumerate(self.param_groups)
                   if parameters.check_gradients(group, 'RemoteOptimizer')]
        if self._local is None:
            self._step_remotely(stepped)
        if self._local is not None:
            self._step_locally(self._local)
        return loss

    def _step_remotely(self, stepped: list[int]) -> None:
        """Steps these groups; the parameters move when all have been."""
        # Before any is sent: a group that was stepped cannot take it back when
        # another is refused.
        for index in stepped:
            self._check_finite(self.param_groups[index])
        try:
            for index in stepped:
                if index not in self._updates:
                    self._updates[index] = self._update_of(index)
        except errors.Error as error:
            lost = error.reason == 'SESSION_UNKNOWN' or isinstance(
                error, errors.Unavailable)
            if self._on_unavailable != 'local' or not lost:
                raise
            self._go_local(error)
            return
        for index in stepped:
            self._apply(self.param_groups[index], self._updates.pop(index))

    def _check_finite(self, group: dict[str, Any]) -> None:
        """Raises what Session.step would of this group's gradient."""
        wire_format = self._formats['wire_format']
        for name, param in _served(group):
            if param.grad is None:
                continue
            gradient = param.grad.reshape(-1).float()
            finite = gradient.abs() < _floats.OVERFLOW[wire_format]
            if finite.all():
                continue
            offset = int(finite.logical_not().nonzero()[0])
            raise errors.Error(
                f'gradient of tensor {name!r} is {gradient[offset]} at offset '
                f'{offset}, which is not finite in {wire_format}; leave this '
                'step out, or take it with a finite gradient',
                grpc.StatusCode.INVALID_ARGUMENT, 'GRADIENT_NOT_FINITE',
                {'tensor': name, 'offset': str(offset)})

    def _update_of(self, index: int) -> np.ndarray:
        while True:
            try:
                session = self._sessions[index] or self._open(index)
                self._sessions[index] = session
                return session.step(_flat_gradient(self.param_groups[index]))
            except errors.Unavailable as error:
                if self._on_unavailable != 'retry':
                    raise
                _log.warning('%s: still trying: %s', self._client.address,
                             error)

    def _open(self, index: int) -> Session:
        group = self.param_groups[index]
        return self._client.open_session(
            group['model'],
            {name: param.shape for name, param in _served(group)},
            ttl=self._ttl, **self._formats)

    def _apply(self, group: dict[str, Any], update: np.ndarray) -> None:
        at = 0
        flat = torch.from_numpy(update)
        for _, param in _served(group):
            part = flat[at:at + param.numel()]
            at += param.numel()
            if param.grad is not None:
                param.add_(part.view(param.shape).to(param.device, param.dtype),
                           alpha=group['lr'])

    # ---- Without the server.

    def _go_local(self, error: errors.Error) -> None:
        _log.warning(
            '%s: going on in process, from a fresh optimizer state: %s',
            self._client.address, error)
        self._local = self._make_local()

    def _make_local(self) -> LearnedOptimizer:
        return LearnedOptimizer(
            [self._local_group(group, fallback) for group, fallback in zip(
                self.param_groups, self._fallbacks)], self._fallbacks[0])

    @staticmethod
    def _local_group(group: dict[str, Any], fallback: Source) -> dict[str, Any]:
        return {'params': group['params'], 'lr': group['lr'], 'model': fallback,
                'tensor_names': group['tensor_names']}

    def _step_locally(self, optimizer: LearnedOptimizer) -> None:
        for group, local in zip(self.param_groups, optimizer.param_groups):
            local['lr'] = group['lr']
        optimizer.step()

    # ---- Checkpoints.

    def state_dict(self) -> dict[str, Any]:
        """What load_state_dict needs to go on to the same bits.

        Each open session is saved on the server, and the dictionary names the
        snapshots: it is small, and good as long as the server keeps them. After
        a step that raised, it also has the updates that came before the error,
        for the step to be called again.

        Raises:
          errors.Unavailable: the server is out of reach.
          errors.Error: QUOTA_SNAPSHOTS: its disk is full of them.
        """
        self._check_open()
        saved = super().state_dict()
        if self._local is not None:
            saved[_KEY] = {'local': self._local.state_dict()}
            return saved
        snapshots = self._save_sessions()
        saved[_KEY] = {'server': self._client.address, 'snapshots': snapshots,
                       'next_steps': [session.next_step if session is not None
                                      else None for session in self._sessions],
                       'updates': {index: torch.from_numpy(update)
                                   for index, update in self._updates.items()}}
        self._forget_old([id for id in snapshots if id is not None])
        return saved

    def _save_sessions(self) -> list[str | None]:
        """The snapshot of each open session.

        If one cannot be made, those made before it are deleted.
        """
        snapshots: list[str | None] = []
        try:
            for session in self._sessions:
                snapshots.append(session.save() if session is not None
                                 else None)
        except errors.Error:
            with contextlib.suppress(errors.Error):
                for snapshot_id in filter(None, snapshots):
                    self._client.delete_snapshot(snapshot_id)
            raise
        return snapshots

    def _forget_old(self, snapshots: list[str]) -> None:
        self._saved.append(snapshots)
        if self._keep_snapshots is None:
            return
        while len(self._saved) > self._keep_snapshots:
            try:
                for snapshot_id in self._saved[0]:
                    self._client.delete_snapshot(snapshot_id)
            except errors.Error as error:
                _log.warning('old snapshots stay until the next state_dict(): '
                             '%s', error)
                return
            self._saved.pop(0)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where state_dict() was called; closes the present sessions.

        Raises:
          ValueError: not a dictionary of this class, or of other groups.
          errors.NotFound: SNAPSHOT_UNKNOWN: deleted, or of another server;
            MODEL_UNKNOWN: the server lacks a model for steps in process.
          errors.Unavailable: the server is out of reach.
        """
        self._check_open()
        ours = state_dict.get(_KEY)
        if ours is None:
            raise ValueError('the state_dict is not one of RemoteOptimizer: it '
                             f'has no {_KEY!r}')
        if len(state_dict['param_groups']) != len(self.param_groups):
            raise ValueError(
                f'the state_dict has {len(state_dict["param_groups"])} '
                f'parameter groups, the optimizer {len(self.param_groups)}')
        sessions: list[Session | None] = [None] * len(self.param_groups)
        fallbacks = [self._fallback(group['model'], 'local' in ours)
                     for group in state_dict['param_groups']]
        with contextlib.ExitStack() as restored:  # closed after an error
            for index, snapshot_id in enumerate(ours.get('snapshots', ())):
                if snapshot_id is not None:
                    sessions[index] = restored.enter_context(
                        self._client.restore_session(
                            snapshot_id, next_step=ours['next_steps'][index],
                            ttl=self._ttl,
                            wire_format=self._formats['wire_format']))
            super().load_state_dict({key: value for key, value
                                     in state_dict.items() if key != _KEY})
            restored.pop_all()
        self._close_sessions()
        self._sessions = sessions
        self._fallbacks = fallbacks
        self._updates = {index: update.cpu().numpy() for index, update
                         in ours.get('updates', {}).items()}
        self._local = None
        if 'local' in ours:
            self._local = self._make_local()
            self._local.load_state_dict(ours['local'])

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError('a RemoteOptimizer cannot be pickled or copied, for '
                        'its sessions are on a server: use state_dict()')

    # ---- The end.

    def close(self) -> None:
        """Frees the sessions' memory on the server; snapshots stay."""
        if self._closed:
            return
        self._close_sessions()
        if self._owns_client:
            self._client.close()
        self._closed = True

    def _close_sessions(self) -> None:
        for session in self._sessions:
            try:
                if session is not None:
                    session.close()
            except errors.Unavailable as error:
                _log.warning('a session stays open until its ttl: %s', error)

    def __enter__(self) -> RemoteOptimizer:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError('the optimizer is closed; make another')


def delete_snapshots(state_dict: dict[str, Any], client: Client) -> None:
    """Deletes what a checkpoint of RemoteOptimizer has on the server.

    After that the checkpoint's optimizer cannot be loaded. Fine if it is gone.
    """
    for snapshot_id in state_dict[_KEY].get('snapshots', ()):
        if snapshot_id is not None:
            client.delete_snapshot(snapshot_id)


def _served(group: dict[str, Any]) -> list[tuple[str, Tensor]]:
    """The parameters that the group's session has: those with elements."""
    return [(name, param) for name, param in zip(
        group['tensor_names'], group['params']) if param.numel() > 0]


def _flat_gradient(group: dict[str, Any]) -> np.ndarray:
    """float32 [N], with zeros for the parameters without a gradient."""
    parts = [torch.zeros(param.numel()) if param.grad is None
             else param.grad.detach().reshape(-1).float().cpu()
             for _, param in _served(group)]
    return torch.cat(parts).numpy()
