"""Client and Session against a real server."""
import concurrent.futures
import unittest

import grpc
import numpy as np

import metastep
from metastep import session as session_module
from metastep.v1 import run_service_pb2, run_service_pb2_grpc
from support import IDENTITY, ServerTest, lstm_file

SGD = metastep.hand_designed('sgd', learning_rate=0.5)
ADAM = metastep.hand_designed('adam', learning_rate=0.1)


class SessionTest(ServerTest):

    def test_sgd_moves_against_the_gradient(self):
        with self.client.open_session(SGD, {'w': (2, 2)}) as session:
            self.assertEqual(session.coordinates, 4)
            update = session.step(np.array([[1., -2.], [0., 4.]]))
            np.testing.assert_array_equal(update, [-0.5, 1., 0., -2.])
            self.assertEqual(update.dtype, np.float32)
            self.assertEqual(session.next_step, 2)

    def test_tensors_by_name(self):
        with self.client.open_session(SGD, {'w': (2, 1), 'b': ()}) as session:
            updates = session.step_tensors({'b': np.float32(3),
                                            'w': np.array([[1.], [2.]])})
            np.testing.assert_array_equal(updates['w'], [[-0.5], [-1.]])
            self.assertEqual(updates['b'], -1.5)
            self.assertEqual(updates['b'].shape, ())
            with self.assertRaisesRegex(ValueError, r"'w' has shape \(2,\)"):
                session.step_tensors({'b': np.float32(3), 'w': np.ones(2)})

    def test_a_lost_answer_is_asked_for_again_and_not_taken_twice(self):
        proxy = self.proxy()
        lossy = metastep.Client(proxy.address, initial_backoff=0.001)
        self.addCleanup(lossy.close)
        gradients = np.random.default_rng(1).normal(size=(3, 5))
        with self.client.open_session(ADAM, {'w': (5,)}) as session:
            expected = [session.step(gradient) for gradient in gradients]
        with lossy.open_session(ADAM, {'w': (5,)}) as session:
            for gradient, update in zip(gradients, expected):
                proxy.lose(2)
                np.testing.assert_array_equal(session.step(gradient), update)
        self.assertEqual(proxy.steps, [1, 1, 1, 2, 2, 2, 3, 3, 3])

    def test_a_silent_and_a_stopping_server_are_tried_again(self):
        proxy = self.proxy()
        lossy = metastep.Client(proxy.address, initial_backoff=0.001)
        self.addCleanup(lossy.close)
        with lossy.open_session(SGD, {'w': (1,)}) as session:
            for code in (grpc.StatusCode.DEADLINE_EXCEEDED,
                         grpc.StatusCode.CANCELLED):
                proxy.lose(1, code)
                self.assertEqual(session.step(np.ones(1)), -0.5)
        self.assertEqual(proxy.steps, [1, 1, 2, 2])

    def test_large_gradients_stream_to_the_same_bits(self):
        size = 2 * session_module.CHUNK + 7
        gradients = np.random.default_rng(2).normal(size=(2, size))
        proxy = self.proxy()
        lossy = metastep.Client(proxy.address, initial_backoff=0.001)
        self.addCleanup(lossy.close)
        halves = [slice(0, size // 2), slice(size // 2, size)]
        with lossy.open_session(ADAM, {'w': (size,)}) as whole:
            parts = [self.client.open_session(ADAM, {'w': (size // 2 + i,)})
                     for i in (0, 1)]
            for gradient in gradients:
                proxy.lose(1)  # after the first chunk of the answer
                update = whole.step(gradient)
                for part, half in zip(parts, halves):
                    np.testing.assert_array_equal(update[half],
                                                  part.step(gradient[half]))
        self.assertEqual(proxy.steps, [1, 1, 2, 2])

    def test_a_stream_that_gave_way_to_another_call_begins_again(self):
        proxy = self.proxy()
        lossy = metastep.Client(proxy.address, initial_backoff=0.001)
        self.addCleanup(lossy.close)
        with lossy.open_session(
                SGD, {'w': (session_module.CHUNK + 1,)}) as session:
            proxy.lose(1, grpc.StatusCode.ABORTED)
            update = session.step(np.ones(session_module.CHUNK + 1))
            self.assertTrue((update == -0.5).all())
        self.assertEqual(proxy.steps, [1, 1])

    def test_a_restored_session_goes_on_to_the_same_bits(self):
        gradients = np.random.default_rng(3).normal(size=(4, 6))
        with self.client.open_session(ADAM, {'w': (6,)}) as session:
            for gradient in gradients[:2]:
                session.step(gradient)
            snapshot_id = session.save()
            expected = [session.step(gradient) for gradient in gradients[2:]]
        with self.client.restore_session(snapshot_id) as restored:
            self.assertEqual(restored.next_step, 3)
            for gradient, update in zip(gradients[2:], expected):
                np.testing.assert_array_equal(restored.step(gradient), update)

    def test_a_snapshot_made_while_an_answer_is_lost_has_that_answer(self):
        proxy = self.proxy()
        lossy = metastep.Client(proxy.address, give_up_after=0.2,
                                initial_backoff=0.001)
        self.addCleanup(lossy.close)
        gradients = np.random.default_rng(4).normal(size=(3, 6))
        with self.client.open_session(ADAM, {'w': (6,)}) as session:
            expected = [session.step(gradient) for gradient in gradients]
        with lossy.open_session(ADAM, {'w': (6,)}) as session:
            session.step(gradients[0])
            proxy.lose(1000)
            with self.assertRaises(metastep.Unavailable):
                session.step(gradients[1])
            snapshot_id, next_step = session.save(), session.next_step
        self.assertEqual(next_step, 2)
        with self.client.restore_session(snapshot_id) as ahead:
            self.assertEqual(ahead.next_step, 3)
        with self.client.restore_session(snapshot_id,
                                         next_step=next_step) as restored:
            for gradient, update in zip(gradients[1:], expected[1:]):
                np.testing.assert_array_equal(restored.step(gradient), update)

    def test_a_deleted_snapshot_is_gone(self):
        with self.client.open_session(SGD, {'w': (6,)}) as session:
            snapshot_id = session.save()
        self.client.delete_snapshot(snapshot_id)
        self.client.delete_snapshot(snapshot_id)  # fine
        with self.assertRaises(metastep.NotFound) as caught:
            self.client.restore_session(snapshot_id)
        self.assertEqual(caught.exception.reason, 'SNAPSHOT_UNKNOWN')

    def test_errors_carry_reason_and_metadata(self):
        with self.client.open_session(SGD, {'a': (2,), 'b': (3,)}) as session:
            with self.assertRaises(metastep.Error) as caught:
                session.step(np.array([0, 0, 0, np.nan, 0]))
            self.assertEqual(caught.exception.code,
                             grpc.StatusCode.INVALID_ARGUMENT)
            self.assertEqual(caught.exception.reason, 'GRADIENT_NOT_FINITE')
            self.assertEqual(caught.exception.metadata,
                             {'tensor': 'b', 'offset': '1'})
            with self.assertRaisesRegex(ValueError, '4 coordinates.* 5'):
                session.step(np.zeros(4))
            self.assertEqual(session.next_step, 1)
        with self.assertRaisesRegex(ValueError, 'closed'):
            session.step(np.zeros(5))

    def test_unknown_models_and_wrong_shapes_are_refused(self):
        with self.assertRaises(metastep.NotFound) as caught:
            self.client.open_session('nobody@2', {'w': (2,)})
        self.assertEqual(caught.exception.reason, 'MODEL_UNKNOWN')
        with self.assertRaises(metastep.Error) as caught:
            self.client.open_session(SGD, {'w': (0,)})
        self.assertEqual(caught.exception.reason, 'TENSOR_SPEC')
        with self.assertRaisesRegex(ValueError, 'wire_format'):
            self.client.open_session(SGD, {'w': (2,)}, wire_format='int8')

    def test_a_server_out_of_reach_is_given_up(self):
        nobody = metastep.Client('127.0.0.1:1', give_up_after=0.2,
                                 initial_backoff=0.01)
        self.addCleanup(nobody.close)
        with self.assertRaisesRegex(metastep.Unavailable, 'gave up after'):
            nobody.models()

    def test_models_are_imported_listed_and_exported(self):
        file = lstm_file(IDENTITY)
        self.client.import_model('toy', file)
        info = self.client.model('toy')
        self.assertEqual((info.name, info.version), ('toy', 1))
        self.assertIn('toy', [model.name for model in self.client.models()])
        # The server writes its own header; phi is the same.
        self.assertEqual(self.client.export_model('toy@1')[-100:], file[-100:])
        with self.client.open_session('toy', {'w': (3,)}) as session:
            self.assertEqual(session.info.model.version, 1)
            self.assertIn(session.info.session_id,
                          [open.session_id for open in self.client.sessions()])

    def test_wire_formats_round(self):
        # 1 + 2^-9 is rounded to 1 by bfloat16's 8 bits, kept by float16's 11.
        for wire, expected in (('bfloat16', -0.5), ('float16', -0.5009765625)):
            with self.client.open_session(SGD, {'w': (1,)},
                                          wire_format=wire) as session:
                self.assertEqual(session.step(np.array([1 + 2.0 ** -9])),
                                 expected)


class _ScriptedRuns(run_service_pb2_grpc.RunServiceServicer):
    """Each WatchRun sends the next stream's states, and ends as it says."""

    def __init__(self, streams):
        self._streams = iter(streams)

    def WatchRun(self, request, context):
        states, end = next(self._streams)
        for state in states:
            yield run_service_pb2.WatchRunResponse(
                run=run_service_pb2.Run(state=state))
        if end is not grpc.StatusCode.OK:
            context.abort(end, 'end')


class WatchRunTest(unittest.TestCase):

    def watch(self, streams):
        server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(max_workers=1))
        run_service_pb2_grpc.add_RunServiceServicer_to_server(
            _ScriptedRuns(streams), server)
        port = server.add_insecure_port('127.0.0.1:0')
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        client = metastep.Client(f'127.0.0.1:{port}', initial_backoff=0.001)
        self.addCleanup(client.close)
        return [run.state for run in client.watch_run('run')]

    def test_it_goes_on_through_broken_streams(self):
        run, code = run_service_pb2.Run, grpc.StatusCode
        # The empty one is of a server that stops just when it is renewed.
        self.assertEqual(
            self.watch([([run.RUNNING], code.UNAVAILABLE),
                        ([run.RUNNING], code.CANCELLED),
                        ([], code.CANCELLED),
                        ([run.SUCCEEDED], code.OK)]),
            [run.RUNNING, run.RUNNING, run.SUCCEEDED])

    def test_other_errors_are_raised(self):
        with self.assertRaises(metastep.NotFound):
            self.watch([([run_service_pb2.Run.RUNNING],
                         grpc.StatusCode.NOT_FOUND)])


if __name__ == '__main__':
    unittest.main()
