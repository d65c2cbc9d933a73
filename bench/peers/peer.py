"""What the peers share: the side of bench/python_peer.h that runs in Python.

A script is started with one argument, the folder of its problem. It writes its
result there, prints one line of JSON, and then for each line of its standard
input one measurement.
"""
import importlib
import json
import os
import pathlib
import sys
import time

# One thread each, whatever library; read when the library is imported.
os.environ['OMP_NUM_THREADS'] = '1'
os.environ['MKL_NUM_THREADS'] = '1'
os.environ['OPENBLAS_NUM_THREADS'] = '1'
os.environ['XLA_FLAGS'] = ('--xla_cpu_multi_thread_eigen=false '
                           'intra_op_parallelism_threads=1')
os.environ['JAX_PLATFORMS'] = 'cpu'


def miss(what):
    """Ends the script: this interpreter lacks what it needs."""
    print(json.dumps({'missing': what}), flush=True)
    sys.exit(0)


def require(name):
    """Imports a module, or misses it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        miss(name)


np = require('numpy')


class Problem:
    """The folder of the command line: problem.json and arrays beside it."""

    def __init__(self):
        self.folder = pathlib.Path(sys.argv[1])
        self.fields = json.loads((self.folder / 'problem.json').read_text())

    def __getitem__(self, name):
        return self.fields[name]

    def array(self, name, dtype=np.float32):
        """<name>.f32 as a vector, or the file of another type: u8, i64."""
        suffix = {'float32': 'f32', 'uint8': 'u8', 'int64': 'i64'}
        path = self.folder / f'{name}.{suffix[np.dtype(dtype).name]}'
        return np.fromfile(path, dtype)


def cpu_seconds(repeat):
    """repeat() as a measurement of the processor seconds that it takes."""
    def measure():
        begin = time.process_time()
        repeat()
        return time.process_time() - begin
    return measure


def serve(problem, name, result, measure):
    """Answers with a measurement whenever it is asked for one.

    result() returns what is checked, as a vector; measure() a number.
    """
    script = pathlib.Path(sys.argv[0]).name
    vector = np.ascontiguousarray(result(), dtype=np.float32)
    vector.tofile(problem.folder / f'{script}.f32')
    print(json.dumps({'name': name}), flush=True)
    for _ in sys.stdin:
        print(measure(), flush=True)
