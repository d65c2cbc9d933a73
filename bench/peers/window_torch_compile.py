"""meta-gradient's peer in PyTorch, the rule compiled."""
import lstm_torch
import window_torch

window_torch.main('autograd, torch.compile', lstm_torch.compiled)
