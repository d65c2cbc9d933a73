#!/usr/bin/env python3
"""Checks what the folders promise each other; see docs/architecture.md.

Usage: check_layout.py ROOT

Reads the source tree at ROOT and fails, one line for each problem, on
  - an #include that goes against the layering,
  - a gRPC or LibTorch header where neither may be used,
  - a .cc file or a CMakeLists.txt that no CMakeLists.txt lists, unless it is
    that of a project of its own.
"""
import pathlib
import re
import sys

# Protobuf messages that need no gRPC: metastep::spec_proto.
MESSAGES = 'proto messages'
# Any other generated header: metastep::service_proto.
SERVICES = 'proto services'

# What each folder may include besides itself. Folders that are not named here
# (tests, fuzz) may include all of them.
MAY_INCLUDE = {
    'base': set(),
    'optimizer': {'base', MESSAGES},
    'optimizee': {'base', 'optimizer', MESSAGES},
    'optimizee/torch': {'base', 'optimizer', 'optimizee', MESSAGES},
    'learner': {'base', 'optimizer', 'optimizee', MESSAGES},
    'rpc': {'base', MESSAGES, SERVICES},
    'server': {'base', 'optimizer', 'rpc', MESSAGES, SERVICES},
    'worker': {'base', 'optimizer', 'optimizee', 'optimizee/torch', 'learner',
               'rpc', MESSAGES, SERVICES},
    'client': {'base', 'optimizer', 'optimizee', 'rpc', MESSAGES, SERVICES},
    'bench': {'base', 'optimizer', 'optimizee', 'optimizee/torch', 'learner',
              'rpc', 'server', 'worker', 'client', 'bench/peers', MESSAGES,
              SERVICES},
    # What the benchmarks are measured against.
    'bench/peers': {'base', 'optimizer', 'bench', MESSAGES},
}

LIBTORCH_LAYERS = {'optimizee/torch', 'bench/peers'}
LIBTORCH = re.compile(r'(torch|ATen|c10|caffe2)/')
# The one test that compares our meta-gradients with LibTorch's autograd.
AUTOGRAD_TEST = 'tests/learner/learner_autograd_test.cc'

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
OWN_MESSAGES = re.compile(r'metastep/v1/(spec|model)\.pb\.h$')


def source_files(root, *patterns):
    """Paths below root, relative, without build trees and hidden folders."""
    for pattern in patterns:
        for path in sorted(root.rglob(pattern)):
            relative = path.relative_to(root)
            if not any(part.startswith('.') or part == 'build'
                       for part in relative.parts):
                yield relative


def layer_of(path):
    """The folder of MAY_INCLUDE that a file or an include is of, or None."""
    path = str(path)
    if path.startswith('metastep/v1/'):
        return MESSAGES if OWN_MESSAGES.match(path) else SERVICES
    if path.startswith('grpcpp/') or path.startswith('grpc/'):
        return SERVICES
    of = [layer for layer in MAY_INCLUDE if path.startswith(layer + '/')]
    return max(of, key=len, default=None)


def include_problem(path, included):
    """What is wrong with one include of the file at path, or None."""
    if '..' in included.split('/'):
        return f'{included}: include by the path from the root'
    if LIBTORCH.match(included):
        allowed = (layer_of(path) in LIBTORCH_LAYERS
                   or str(path) == AUTOGRAD_TEST)
        return None if allowed else (
            f'{included}: LibTorch is for optimizee/torch and bench/peers')
    layer, target = layer_of(path), layer_of(included)
    if layer is None or target in (None, layer):
        return None
    if target in MAY_INCLUDE[layer]:
        return None
    return f'{included}: {layer} may not include {target}'


def include_problems(root):
    for path in source_files(root, '*.h', '*.cc'):
        text = (root / path).read_text(encoding='utf-8')
        for match in INCLUDE.finditer(text):
            problem = include_problem(path, match.group(1))
            if problem:
                line = text.count('\n', 0, match.start(1)) + 1
                yield f'{path}:{line}: {problem}'


def listed(root):
    """All that CMakeLists.txt files name, as paths from the root."""
    for path in source_files(root, 'CMakeLists.txt'):
        text = re.sub(r'#.*', '', (root / path).read_text(encoding='utf-8'))
        for word in re.findall(r'[^\s()"]+', text):
            yield path.parent / word


def orphan_problems(root):
    names = set(listed(root))
    for path in source_files(root, '*.cc'):
        if path not in names:
            yield f'{path}: no CMakeLists.txt lists it'
    for path in source_files(root, 'CMakeLists.txt'):
        text = (root / path).read_text(encoding='utf-8')
        is_project = re.search(r'^project\(', text, re.MULTILINE)
        if (path.parent.name and not is_project
                and path.parent not in names):
            yield f'{path}: no add_subdirectory names its folder'


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    problems = [*include_problems(root), *orphan_problems(root)]
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
