"""meta-gradient's peer in JAX: jit of the gradient of a scan."""
import lstm_jax
import peer
from lstm_jax import jax, jnp
from peer import np


def quadratic_loss(problem):
    n, d = problem['problems'], problem['dimensions']
    w = jnp.asarray(problem.array('w').reshape(n, d, d))
    y = jnp.asarray(problem.array('y').reshape(n, d))

    def loss(_, theta):
        product = jnp.einsum('nij,nj->ni', w, theta.reshape(n, d))
        return jnp.square(product - y).sum()
    return loss, n


def mlp_loss(problem):
    hidden = problem['hidden']
    shapes = [(784, hidden), (hidden,), (hidden, 10), (10,)]
    ends = np.cumsum([np.prod(shape) for shape in shapes])
    pixels = jnp.asarray(problem.array('pixels', np.uint8).reshape(-1, 784))
    labels = jnp.asarray(problem.array('labels', np.uint8).astype(np.int32))
    rows = jnp.asarray(problem.array('rows', np.int64).astype(np.int32)
                       .reshape(problem['window'] + 1, -1))

    def loss(t, theta):
        x = pixels[rows[t]].astype(jnp.float32) / 255
        w0, b0, w1, b1 = (part.reshape(shape) for part, shape in
                          zip(jnp.split(theta, ends[:-1]), shapes))
        logits = jax.nn.sigmoid(x @ w0 + b0) @ w1 + b1
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits),
                                     labels[rows[t]][:, None], axis=1)
        return -chosen.mean()
    return loss, 1


def make_meta_gradient(problem):
    """(phi, theta_0) -> dL/dphi of one window from zero state."""
    make = quadratic_loss if problem['task'] == 'quadratic' else mlp_loss
    loss, problems = make(problem)
    step = lstm_jax.make_step(problem)

    def meta_loss(phi, theta):
        def inner_step(carry, t):
            theta, state = carry
            value, gradient = jax.value_and_grad(loss, argnums=1)(t, theta)
            update, state = step(phi, jax.lax.stop_gradient(gradient), state)
            return (theta + update, state), value
        begin = (theta, lstm_jax.zero_state(len(theta), problem['units']))
        window = problem['window']
        (theta, _), values = jax.lax.scan(inner_step, begin,
                                          jnp.arange(window))
        return (values.sum() + loss(window, theta)) / problems

    return jax.jit(jax.grad(meta_loss))


def main():
    problem = peer.Problem()
    phi = jnp.asarray(problem.array('phi'))
    theta = jnp.asarray(problem.array('theta'))
    meta_gradient = make_meta_gradient(problem)

    def repeat():
        for _ in range(problem['windows']):
            jax.block_until_ready(meta_gradient(phi, theta))

    peer.serve(problem, f'JAX {jax.__version__}, jit of scan',
               lambda: meta_gradient(phi, theta), peer.cpu_seconds(repeat))


main()
