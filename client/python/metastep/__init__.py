"""Client of metastep: optimizers as a service.

  Client, Session   the server's calls, with NumPy alone
  functional        an init/update pair, in the manner of Optax
  metastep.torch    optimizers for PyTorch training loops
  metastep.v1       the generated messages and stubs
"""
from metastep import functional
from metastep.client import Client
from metastep.errors import Error, NotFound, Unavailable
from metastep.rules import Rule, hand_designed
from metastep.session import Session

__all__ = ['Client', 'Error', 'NotFound', 'Rule', 'Session', 'Unavailable',
           'functional', 'hand_designed']
