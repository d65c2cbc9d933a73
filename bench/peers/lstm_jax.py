"""The learned rule in JAX, as a function to be jitted."""
import math

import lstm_phi
import peer

jax = peer.require('jax')
jnp = jax.numpy


def zero_state(n, units_of_layers):
    return [(jnp.zeros((n, units)), jnp.zeros((n, units)))
            for units in units_of_layers]


def make_step(problem):
    """(phi [P], gradient [n], state) -> (update [n], state)."""
    p, forget_bias = problem['log_and_sign_p'], problem['forget_bias']

    def cell(weight, bias, x, state):
        h, c = state
        units = h.shape[1]
        gates = (jnp.concatenate((x, h), axis=1)
                 @ weight.reshape(-1, 4 * units) + bias.reshape(-1))
        i, j, f, o = jnp.split(gates, 4, axis=1)
        c = (jax.nn.sigmoid(f + forget_bias) * c
             + jax.nn.sigmoid(i) * jnp.tanh(j))
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    def step(phi, gradient, state):
        layers, (weight, bias) = lstm_phi.unpack(phi, problem['units'])
        log = jnp.log(jnp.abs(gradient) + lstm_phi.LOG_EPSILON) / p
        sign = gradient * math.exp(p)
        x = jnp.stack((jnp.maximum(log, -1), jnp.clip(sign, -1, 1)), axis=1)
        after = []
        for layer, before in zip(layers, state):
            after.append(cell(*layer, x, before))
            x = after[-1][0]
        return problem['output_scale'] * (x @ weight + bias), after

    return step
