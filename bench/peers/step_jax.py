"""step-kernel's peer in JAX."""
import lstm_jax
import peer
from lstm_jax import jax


class Stepper:
    """Steps the rule, from where the last call left its state."""

    def __init__(self, problem):
        self.phi = jax.numpy.asarray(problem.array('phi'))
        self.gradient = jax.numpy.asarray(problem.array('gradient'))
        self.state = lstm_jax.zero_state(len(self.gradient), problem['units'])
        # The state's memory is used again, as by a step in place.
        self.rule = jax.jit(lstm_jax.make_step(problem), donate_argnums=2)

    def step(self, times):
        for _ in range(times):
            update, self.state = self.rule(self.phi, self.gradient, self.state)
        return jax.block_until_ready(update)


def main():
    problem = peer.Problem()
    stepper = Stepper(problem)
    peer.serve(problem, f'JAX {jax.__version__}, jit',
               lambda: stepper.step(problem['checked_steps']),
               peer.cpu_seconds(
                   lambda: stepper.step(problem['steps'])))


if __name__ == '__main__':
    main()
