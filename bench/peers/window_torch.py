"""meta-gradient's peer in PyTorch: autograd over the unrolled graph.

First order and truncated, as our learner: the gradients that the rule is given
are constants, and so are theta and the rule's state at the window's start.
"""
import math

import lstm_torch
import peer
from lstm_torch import torch
from peer import np


class Quadratics:
    """Problems |W theta - y|^2; the loss is their sum."""

    def __init__(self, problem):
        n, d = problem['problems'], problem['dimensions']
        self.problems = n
        self.w = torch.from_numpy(problem.array('w').reshape(n, d, d))
        self.y = torch.from_numpy(problem.array('y').reshape(n, d))

    def loss(self, _, theta):
        product = torch.bmm(self.w, theta.view(*self.y.shape, 1)).squeeze(2)
        return (product - self.y).square().sum()


class Mlp:
    """A classifier with one hidden layer of sigmoids."""

    problems = 1

    @staticmethod
    def shapes(hidden):
        return [(784, hidden), (hidden,), (hidden, 10), (10,)]

    @classmethod
    def coordinates(cls, hidden):
        return sum(math.prod(shape) for shape in cls.shapes(hidden))

    def __init__(self, problem, hidden):
        self.shapes = self.shapes(hidden)
        self.sizes = [math.prod(shape) for shape in self.shapes]
        self.pixels = torch.from_numpy(
            problem.array('pixels', np.uint8).reshape(-1, 784))
        self.labels = torch.from_numpy(
            problem.array('labels', np.uint8).astype(np.int64))
        self.rows = torch.from_numpy(
            problem.array('rows', np.int64).reshape(problem['window'] + 1, -1))

    def loss(self, t, theta):
        x = self.pixels.index_select(0, self.rows[t]).float().div_(255)
        labels = self.labels.index_select(0, self.rows[t])
        w0, b0, w1, b1 = (part.view(shape) for part, shape in
                          zip(theta.split(self.sizes), self.shapes))
        hidden = torch.sigmoid(torch.addmm(b0, x, w0))
        return torch.nn.functional.cross_entropy(
            torch.addmm(b1, hidden, w1), labels)


def make_task(problem):
    if problem['task'] == 'quadratic':
        return Quadratics(problem)
    return Mlp(problem, problem['hidden'])


def backpropagate(model, rule, task, theta, window):
    """Leaves dL/dphi of one window from theta and zero state in .grad."""
    model.zero_grad()
    theta = theta.detach().requires_grad_()
    state = model.state(len(theta))
    meta_loss = 0
    for t in range(window + 1):
        loss = task.loss(t, theta)
        meta_loss = meta_loss + loss / task.problems
        if t < window:
            # The graph is needed again: the meta-loss goes back through it.
            gradient, = torch.autograd.grad(loss, theta, retain_graph=True)
            update, state = rule(gradient, state)
            theta = theta + update
    meta_loss.backward()


def main(way, wrap=lambda rule: rule):
    problem = peer.Problem()
    model = lstm_torch.LstmRule(problem)
    rule, task = wrap(model), make_task(problem)
    theta = torch.from_numpy(problem.array('theta'))

    def run():
        backpropagate(model, rule, task, theta, problem['window'])

    def result():
        run()
        return model.phi_gradient()

    def repeat():
        for _ in range(problem['windows']):
            run()

    peer.serve(problem, f'PyTorch {torch.__version__}, {way}', result,
               peer.cpu_seconds(repeat))


if __name__ == '__main__':
    main('autograd')
