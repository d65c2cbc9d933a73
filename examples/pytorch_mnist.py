#!/usr/bin/env python3
"""Trains an MLP on MNIST by a metastep server, against torch's Adam.

Each optimizer trains the same networks from the same initial weights on the
same minibatches: 784-20-10, sigmoid, minibatches of 128, as section 3.2 of
"Learning to learn by gradient descent by gradient descent". The learning rate
of Adam is the best of a grid, on networks that the comparison does not use. The
loss is over 4,000 training images that are fixed before.

    metastep-server &
    metastep models import models/mnist.safetensors --name mnist
    python3 examples/pytorch_mnist.py --data-dir DIR --plot curve.svg

DIR/mnist holds MNIST's IDX files, as they are or gzipped. Without --data-dir,
metastep-make-data draws a synthetic set.
"""
import argparse
import gzip
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import torch

import metastep
from metastep.torch import RemoteOptimizer

HIDDEN = 20
BATCH = 128
MEASURED = 4_000  # images of the loss
INITIAL_STDDEV = 0.01  # of the paper's tasks
ADAM_RATES = (0.003, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)


def read_idx(folder, name):
    """An IDX file's bytes, without its header."""
    for path, opener in ((folder / name, open),
                         (folder / f'{name}.gz', gzip.open)):
        if path.exists():
            with opener(path, 'rb') as file:
                data = file.read()
            dimensions = data[3]
            shape = np.frombuffer(data, '>i4', dimensions, offset=4)
            return np.frombuffer(data, np.uint8,
                                 offset=4 + 4 * dimensions).reshape(shape)
    sys.exit(f'{folder / name} is not there, nor is {name}.gz')


def make_digits(folder):
    """Has metastep-make-data write a synthetic set into the folder."""
    build = pathlib.Path(__file__).parent.parent / 'build/release/bin'
    tool = shutil.which('metastep-make-data',
                        path=f'{build}:{os.environ["PATH"]}')
    if tool is None:
        sys.exit('metastep-make-data is not on the path; build it '
                 '(tools/build), or give --data-dir')
    subprocess.run([tool, 'digits', folder], check=True)


def load_images(data_dir):
    """Training images [N, 784] in [0, 1], and labels [N]."""
    with tempfile.TemporaryDirectory() as made:
        if data_dir is None:
            make_digits(made)
        folder = pathlib.Path(data_dir or made) / 'mnist'
        images = read_idx(folder, 'train-images-idx3-ubyte')
        labels = read_idx(folder, 'train-labels-idx1-ubyte')
    images = images.reshape(len(images), -1).astype(np.float32) / 255
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


def make_network(inputs, task):
    """A network whose weights depend on the task's number alone."""
    network = torch.nn.Sequential(
        torch.nn.Linear(inputs, HIDDEN), torch.nn.Sigmoid(),
        torch.nn.Linear(HIDDEN, 10))
    draw = torch.Generator().manual_seed(task)
    with torch.no_grad():
        for param in network.parameters():
            param.normal_(0, INITIAL_STDDEV, generator=draw)
    return network


def train(task, data, make_optimizer, steps):
    """Losses [steps + 1] of a task: before the first step, and after each."""
    images, labels = data
    network = make_network(images.shape[1], task)
    optimizer = make_optimizer(network)
    loss_of = torch.nn.CrossEntropyLoss()
    draw = torch.Generator().manual_seed(1_000_000 + task)

    def measure():
        with torch.no_grad():
            return loss_of(network(images[:MEASURED]),
                           labels[:MEASURED]).item()

    losses = [measure()]
    for _ in range(steps):
        rows = torch.randint(MEASURED, len(images), (BATCH,), generator=draw)
        optimizer.zero_grad()
        loss_of(network(images[rows]), labels[rows]).backward()
        optimizer.step()
        losses.append(measure())
    if isinstance(optimizer, RemoteOptimizer):
        optimizer.close()
    return losses


def mean_curve(tasks, data, make_optimizer, steps):
    """[steps + 1], over the tasks."""
    return np.mean([train(task, data, make_optimizer, steps)
                    for task in tasks], axis=0)


def adam(rate):
    return lambda network: torch.optim.Adam(network.parameters(), lr=rate)


def best_adam(tasks, data, steps):
    """The rate of the grid with the lowest last loss."""
    finals = {rate: mean_curve(tasks, data, adam(rate), steps)[-1]
              for rate in ADAM_RATES}
    return min(finals, key=finals.get)


def draw_svg(curves):
    """Curves [steps + 1] by name as an SVG, the loss logarithmic."""
    width, height, left, bottom = 640, 400, 60, 40
    values = np.log10(np.concatenate(list(curves.values())))
    low, high = values.min(), values.max()
    steps = max(map(len, curves.values())) - 1

    def x(step):
        return left + step / steps * (width - left - 20)

    def y(loss):
        return (height - bottom) - (np.log10(loss) - low) / (high - low) * (
            height - bottom - 20)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} '
             f'{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for loss in (10 ** low, 10 ** ((low + high) / 2), 10 ** high):
        parts.append(f'<text x="8" y="{y(loss):.1f}">{loss:.3g}</text>'
                     f'<path d="M{left} {y(loss):.1f}H{width - 20}" '
                     'stroke="#ddd"/>')
    parts.append(f'<text x="{left}" y="{height - 12}">step 0</text>'
                 f'<text x="{width - 20}" y="{height - 12}" text-anchor="end">'
                 f'{steps}</text>')
    for index, (name, curve) in enumerate(curves.items()):
        color = ('#d62728', '#1f77b4')[index % 2]
        line = ' '.join(f'{x(step):.1f},{y(loss):.1f}'
                        for step, loss in enumerate(curve))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" '
                     f'stroke-width="2"/><text x="{width - 200}" '
                     f'y="{30 + 18 * index}" fill="{color}">{name}</text>')
    return '\n'.join([*parts, '</svg>\n'])


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.split('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument('--server', default='127.0.0.1:7070',
                        help='HOST:PORT of metastep-server')
    parser.add_argument('--model', default='mnist',
                        help='name, name@version or name@label')
    parser.add_argument('--data-dir', help='holds mnist/ with the IDX files; '
                        'without it a synthetic set is drawn')
    parser.add_argument('--steps', type=int, default=100)
    parser.add_argument('--tasks', type=int, default=5,
                        help='networks that each optimizer trains')
    parser.add_argument('--plot', help='write the curves to this SVG file')
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    data = load_images(arguments.data_dir)
    tasks = range(1, 1 + arguments.tasks)
    rate = best_adam(range(1001, 1003), data, arguments.steps)
    with metastep.Client(arguments.server) as client:
        def learned(network):
            return RemoteOptimizer(network.named_parameters(), arguments.model,
                                   server=client)
        curves = {
            arguments.model: mean_curve(tasks, data, learned, arguments.steps),
            f'Adam, rate {rate}': mean_curve(tasks, data, adam(rate),
                                             arguments.steps)}
    ours, adams = curves.values()

    print(f'{"step":>5}', *(f'{name:>20}' for name in curves))
    for step in range(0, arguments.steps + 1, max(1, arguments.steps // 10)):
        print(f'{step:>5}', *(f'{curve[step]:>20.4f}'
                              for curve in curves.values()))
    reached = np.flatnonzero(ours <= adams[-1])
    print(f"steps to Adam's loss after {arguments.steps} steps, "
          f'{adams[-1]:.4f}: {reached[0] if len(reached) else "not reached"}')
    if arguments.plot:
        pathlib.Path(arguments.plot).write_text(draw_svg(curves),
                                                encoding='utf-8')


if __name__ == '__main__':
    main()
