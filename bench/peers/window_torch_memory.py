"""Peak memory of window_torch.py's window, in bytes a coordinate.

Measured at the problem's size or, where that does not fit, at the largest that
half of the free memory holds: it grows in proportion.
"""
import ctypes
import pathlib
import re
import resource

import lstm_torch
import peer
import window_torch
from lstm_torch import torch


def proc_bytes(path, field):
    """A field of a file in /proc, which has it in kB."""
    text = pathlib.Path(path).read_text(encoding='ascii')
    return int(re.search(rf'{field}:\s+(\d+) kB', text)[1]) << 10


def peak_of(work):
    """Bytes that the process grew by while it did work()."""
    # What was freed before is not to be had for nothing.
    ctypes.CDLL(None).malloc_trim(0)
    before = proc_bytes('/proc/self/status', 'VmRSS')
    # The peak begins anew: proc_pid_clear_refs(5).
    pathlib.Path('/proc/self/clear_refs').write_text('5', encoding='ascii')
    work()
    return proc_bytes('/proc/self/status', 'VmHWM') - before


def main():
    free = proc_bytes('/proc/meminfo', 'MemAvailable')
    # Rather this process fails than another is killed.
    resource.setrlimit(resource.RLIMIT_DATA, (free * 3 // 4, free * 3 // 4))
    problem = peer.Problem()
    model = lstm_torch.LstmRule(problem)
    theta = torch.from_numpy(problem.array('theta'))

    def run(hidden, theta):
        task = window_torch.Mlp(problem, hidden)
        window_torch.backpropagate(model, model, task, theta,
                                   problem['window'])

    run(problem['hidden'], theta)  # loads what is loaded at first use
    result = model.phi_gradient()
    bytes_each = peak_of(lambda: run(problem['hidden'], theta)) / len(theta)

    hidden = min(problem['large_hidden'],
                 int(free / 2 / bytes_each / len(theta) * problem['hidden']))
    n = window_torch.Mlp.coordinates(hidden)
    large_theta = 0.01 * torch.randn(n)
    peer.serve(problem, f'PyTorch {torch.__version__}, autograd, N = {n}',
               lambda: result,
               lambda: peak_of(lambda: run(hidden, large_theta)) / n)


main()
