"""step-kernel's peer in PyTorch."""
import lstm_torch
import peer
from lstm_torch import torch


class Stepper:
    """Steps a rule, from where the last call left its state."""

    def __init__(self, rule, gradient, state):
        self.rule, self.gradient, self.state = rule, gradient, state

    def step(self, times):
        with torch.inference_mode():
            for _ in range(times):
                update, self.state = self.rule(self.gradient, self.state)
        return update.numpy()


def main(way, wrap=lambda rule: rule):
    problem = peer.Problem()
    model = lstm_torch.LstmRule(problem)
    gradient = torch.from_numpy(problem.array('gradient'))
    stepper = Stepper(wrap(model), gradient, model.state(len(gradient)))
    peer.serve(problem, f'PyTorch {torch.__version__}, {way}',
               lambda: stepper.step(problem['checked_steps']),
               peer.cpu_seconds(
                   lambda: stepper.step(problem['steps'])))


if __name__ == '__main__':
    main('LSTMCell')
