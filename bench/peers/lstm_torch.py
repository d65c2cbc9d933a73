"""The learned rule in PyTorch: LSTMCells on log-and-sign inputs."""
import math

import lstm_phi
import peer
from peer import np

torch = peer.require('torch')
torch.set_num_threads(1)

# From our gates i, j, f, o to PyTorch's i, f, g (our j), o, and back: its own
# inverse.
GATES = [0, 2, 1, 3]


class LstmRule(torch.nn.Module):
    """(gradient [n], state) -> (update [n], state)."""

    def __init__(self, problem):
        super().__init__()
        self.units = problem['units']
        self.p = problem['log_and_sign_p']
        self.scale = problem['output_scale']
        layers, (weight, bias) = lstm_phi.unpack(problem.array('phi'),
                                                 self.units)
        self.cells = torch.nn.ModuleList(
            self._cell(*layer, problem['forget_bias']) for layer in layers)
        self.output = torch.nn.Linear(len(weight), 1)
        _set(self.output.weight, weight[None, :])
        _set(self.output.bias, bias)

    @staticmethod
    def _cell(weight, bias, forget_bias):
        rows, _, units = weight.shape
        cell = torch.nn.LSTMCell(rows - units, units)
        columns = weight[:, GATES].reshape(rows, 4 * units)
        bias = bias[GATES].copy()
        bias[1] += forget_bias
        _set(cell.weight_ih, columns[:rows - units].T)
        _set(cell.weight_hh, columns[rows - units:].T)
        _set(cell.bias_ih, bias.ravel())
        _set(cell.bias_hh, np.zeros(4 * units))
        return cell

    def state(self, n):
        return [(torch.zeros(n, units), torch.zeros(n, units))
                for units in self.units]

    def forward(self, gradient, state):
        log = torch.log(gradient.abs() + lstm_phi.LOG_EPSILON) / self.p
        sign = gradient * math.exp(self.p)
        x = torch.stack((log.clamp(min=-1), sign.clamp(-1, 1)), dim=1)
        after = []
        for cell, before in zip(self.cells, state):
            after.append(cell(x, before))
            x = after[-1][0]
        return self.scale * self.output(x).squeeze(1), after

    def phi_gradient(self):
        """dL/dphi in our layout, of the parameters' .grad."""
        def layer(cell):
            units = cell.hidden_size
            rows = torch.cat((cell.weight_ih.grad.T, cell.weight_hh.grad.T))
            return (rows.reshape(-1, 4, units)[:, GATES].numpy(),
                    cell.bias_ih.grad.reshape(4, units)[GATES].numpy())
        return lstm_phi.pack([layer(cell) for cell in self.cells],
                             (self.output.weight.grad.numpy(),
                              self.output.bias.grad.numpy()))


def compiled(function):
    """By torch.compile, which needs a C++ compiler when it first runs."""
    if not hasattr(torch, 'compile'):
        peer.miss('torch.compile')
    return torch.compile(function, dynamic=False)


def _set(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.array(values, dtype=np.float32)))
