"""Optimizers for PyTorch training loops, by a server or in process."""
from metastep.torch.learned import LearnedOptimizer
from metastep.torch.remote import RemoteOptimizer, delete_snapshots

__all__ = ['LearnedOptimizer', 'RemoteOptimizer', 'delete_snapshots']
