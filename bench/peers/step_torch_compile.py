"""step-kernel's peer in PyTorch, compiled."""
import lstm_torch
import step_torch

step_torch.main('torch.compile', lstm_torch.compiled)
