"""What the tests of the Python client share: a server, a proxy that loses
answers, and model files."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

import grpc
import numpy as np

import metastep
from metastep.v1 import step_service_pb2_grpc

SERVER = os.path.join(os.environ['METASTEP_BIN_DIR'], 'metastep-server')


class Server:
    """A metastep-server on loopback, with a state folder of its own."""

    def __init__(self):
        self._state = tempfile.mkdtemp(prefix='metastep-python-test')
        self._start(port=0)

    def _start(self, port):
        self._log = open(os.path.join(self._state, 'log'), 'ab')
        self._process = subprocess.Popen(
            [SERVER, f'--listen=127.0.0.1:{port}',
             f'--state-dir={self._state}/state', '--exit-with-parent'],
            stdout=subprocess.PIPE, stderr=self._log)
        self.port = json.loads(self._process.stdout.readline())['port']
        self.address = f'127.0.0.1:{self.port}'

    def kill(self):
        """Sessions that were not saved are lost."""
        self._process.kill()
        self._end()

    def restart(self):
        """After kill(), on the same port and folder."""
        self._start(self.port)

    def stop(self):
        self._process.terminate()
        self._end()
        shutil.rmtree(self._state)

    def _end(self):
        self._process.wait(60)
        self._process.stdout.close()
        self._log.close()


class Proxy(step_service_pb2_grpc.StepServiceServicer):
    """Forwards steps to a server; answers can be lost on the way back."""

    def __init__(self, address):
        self._channel = grpc.insecure_channel(address)
        self._stub = step_service_pb2_grpc.StepServiceStub(self._channel)
        self._lock = threading.Lock()
        self._losses = 0
        self.steps = []  # the numbers of the steps that came, in order
        self._server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(max_workers=4))
        step_service_pb2_grpc.add_StepServiceServicer_to_server(
            self, self._server)
        port = self._server.add_insecure_port('127.0.0.1:0')
        self.address = f'127.0.0.1:{port}'
        self._server.start()

    def lose(self, answers, code=grpc.StatusCode.UNAVAILABLE):
        """The next so many steps are taken, but not answered."""
        with self._lock:
            self._losses = answers
            self._code = code

    def stop(self):
        self._server.stop(None).wait()
        self._channel.close()

    def _lose_one(self, context):
        with self._lock:
            if self._losses == 0:
                return
            self._losses -= 1
        context.abort(self._code, 'answer lost')

    def OpenSession(self, request, context):
        return self._stub.OpenSession(request)

    def CloseSession(self, request, context):
        return self._stub.CloseSession(request)

    def SaveSession(self, request, context):
        return self._stub.SaveSession(request)

    def Step(self, request, context):
        self.steps.append(request.step)
        answer = self._stub.Step(request)
        self._lose_one(context)
        return answer

    def StepStream(self, requests, context):
        for answer in self._stub.StepStream(self._noting(requests)):
            yield answer
            self._lose_one(context)

    def _noting(self, requests):
        for request in requests:
            if request.HasField('begin'):
                self.steps.append(request.begin.step)
            yield request


class ServerTest(unittest.TestCase):
    """Gives every test a client of one server for all of a class's tests."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.client = metastep.Client(self.server.address, give_up_after=30)
        self.addCleanup(self.client.close)

    def proxy(self):
        proxy = Proxy(self.server.address)
        self.addCleanup(proxy.stop)
        return proxy


def lstm_file(spec, seed=1, name='lstm', parameters=('*',)):
    """A model file of one LSTM with random phi. `spec` is LstmSpec's JSON with
    hidden units and preprocessing written out."""
    return model_file([(name, parameters, {'lstm': spec})], seed)


def model_file(rules, seed=1):
    """A model file of [(name, parameters, LearnedRuleSpec's JSON)]."""
    draw = np.random.default_rng(seed)
    tensors = {}

    def add(name, *shape):
        tensors[name] = draw.normal(0, shape[0] ** -0.5, shape)

    for name, _, rule in rules:
        [(cell, spec)] = [item for item in rule.items()
                          if item[0] in ('lstm', 'gru', 'lmu')]
        inputs = 1 if 'identity' in spec['preprocessing'] else 2
        for i, units in enumerate(spec['hidden']):
            for product, rows, columns in _products(cell, inputs, units):
                add(f'{name}.layer{i}{product}.weight', rows, columns)
                if product not in ('.encoder', '.memory'):
                    add(f'{name}.layer{i}{product}.bias', columns)
            inputs = units
        add(f'{name}.output.weight', inputs)
        tensors[f'{name}.output.bias'] = draw.normal(0, 0.01, 1)
    info = {'rules': [{'name': name, 'parameters': list(parameters),
                       'rule': rule} for name, parameters, rule in rules]}
    return safetensors(info, tensors)


def _products(cell, inputs, units):
    """A layer's products as (name's part, rows, columns); model-format.md.
    An LMU's memory has the default order, 16."""
    if cell == 'gru':
        return [('.gates', inputs + units, 2 * units),
                ('.candidate', inputs, units), ('.recurrent', units, units)]
    if cell == 'lmu':
        return [('.encoder', inputs + units + 16, 1),
                ('', inputs + units, units), ('.memory', 16, units)]
    return [('', inputs + units, 4 * units)]


def safetensors(info, tensors):
    header = {'__metadata__': {'metastep': json.dumps(info)}}
    data = b''
    for name, values in tensors.items():
        values = np.asarray(values, '<f4')
        header[name] = {'dtype': 'F32', 'shape': values.shape,
                        'data_offsets': [len(data), len(data) + values.nbytes]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, 'little') + text + data


PAPER = {'hidden': [20, 20], 'preprocessing': {'log_and_sign': {'p': 10}},
         'output_scale': 0.1}
IDENTITY = {'hidden': [5], 'preprocessing': {'identity': {}},
            'forget_bias': 0.5}
