"""RemoteOptimizer in PyTorch loops, against a real server."""
import io
import logging
import unittest

import numpy as np
import torch

import metastep
from metastep.torch import (LearnedOptimizer, RemoteOptimizer, delete_snapshots)
from support import IDENTITY, PAPER, Server, ServerTest, lstm_file

SGD = metastep.hand_designed('sgd', learning_rate=1)
ADAM = metastep.hand_designed('adam', learning_rate=0.01)


def network():
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(),
                               torch.nn.Linear(8, 2))


def train(net, optimizer, first, last):
    """Steps first..last on batches that depend on the step alone."""
    losses = []
    for step in range(first, last + 1):
        draw = torch.Generator().manual_seed(step)
        inputs = torch.randn(16, 4, generator=draw)
        optimizer.zero_grad(set_to_none=True)
        loss = (net(inputs) - inputs[:, :2]).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def parameters_of(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


class RemoteOptimizerTest(ServerTest):

    def setUp(self):
        super().setUp()
        self.client.import_model('lstm', lstm_file(PAPER))

    def optimizer(self, params, model='lstm', **options):
        optimizer = RemoteOptimizer(params, model, server=self.client,
                                    **options)
        self.addCleanup(optimizer.close)
        return optimizer

    def one(self, values=(0., 0.)):
        return torch.nn.Parameter(torch.tensor(values))

    def test_adam_trains_as_torchs_own(self):
        ours, torchs = network(), network()
        train(ours, self.optimizer(ours.named_parameters(), ADAM), 1, 20)
        train(torchs, torch.optim.Adam(torchs.parameters(), lr=0.01), 1, 20)
        # The same formula in another order: some float32 ulps of steps of 0.01.
        difference = (parameters_of(ours) - parameters_of(torchs)).abs().max()
        self.assertLess(difference, 1e-5)

    def test_an_interrupted_loop_gives_the_same_trajectory(self):
        whole = network()
        losses = train(whole, self.optimizer(whole.named_parameters()), 1, 12)

        first = network()
        optimizer = self.optimizer(first.named_parameters())
        begun = train(first, optimizer, 1, 5)
        checkpoint = io.BytesIO()
        torch.save({'net': first.state_dict(),
                    'optimizer': optimizer.state_dict()}, checkpoint)
        # What follows the checkpoint is lost, and so are the open sessions.
        train(first, optimizer, 6, 8)
        self.server.kill()
        self.server.restart()

        checkpoint.seek(0)
        saved = torch.load(checkpoint)
        resumed = network()
        resumed.load_state_dict(saved['net'])
        optimizer = self.optimizer(resumed.named_parameters())
        optimizer.load_state_dict(saved['optimizer'])
        rest = train(resumed, optimizer, 6, 12)
        self.assertEqual(begun + rest, losses)
        self.assertTrue(torch.equal(parameters_of(resumed),
                                    parameters_of(whole)))

    def test_a_checkpoint_made_while_an_answer_is_lost_takes_no_step_twice(
            self):
        whole, net = network(), network()
        train(whole, self.optimizer(whole.named_parameters(), ADAM), 1, 3)
        proxy = self.proxy()
        lossy = metastep.Client(proxy.address, give_up_after=0.2,
                                initial_backoff=0.02)
        self.addCleanup(lossy.close)
        optimizer = RemoteOptimizer(net.named_parameters(), ADAM, server=lossy)
        train(net, optimizer, 1, 1)
        proxy.lose(1000)
        with self.assertRaises(metastep.Unavailable):
            train(net, optimizer, 2, 2)
        resumed = self.optimizer(net.named_parameters(), ADAM)
        resumed.load_state_dict(optimizer.state_dict())
        train(net, resumed, 2, 3)
        self.assertTrue(torch.equal(parameters_of(net), parameters_of(whole)))

    def test_groups_have_models_rates_and_sessions_of_their_own(self):
        a, b = self.one(), self.one()
        optimizer = self.optimizer(
            [{'params': [a]}, {'params': [b], 'lr': 0.25}], SGD, lr=2.0)
        late = self.one()
        optimizer.add_param_group({'params': [late], 'model': 'lstm'})
        for param in (a, b, late):
            param.grad = torch.ones(2)
        optimizer.step()
        self.assertTrue(torch.equal(a, torch.full((2,), -2.0)))
        self.assertTrue(torch.equal(b, torch.full((2,), -0.25)))
        self.assertEqual([s.info.WhichOneof('optimizer')
                          for s in optimizer.sessions],
                         ['hand_designed', 'hand_designed', 'model'])
        self.assertEqual(optimizer.param_groups[2]['model'], 'lstm@1')
        # A checkpoint has them all, and needs the same groups.
        saved = optimizer.state_dict()
        with self.assertRaisesRegex(ValueError, '3 parameter groups'):
            self.optimizer([self.one()], SGD).load_state_dict(saved)

    def test_schedulers_move_the_rate(self):
        param = self.one()
        optimizer = self.optimizer([param], SGD)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        for expected in (-1.0, -1.5, -1.75):
            param.grad = torch.ones(2)
            optimizer.step()
            scheduler.step()
            self.assertTrue(torch.equal(param, torch.full((2,), expected)))

    def test_the_closure_is_called_with_gradients_on(self):
        param = self.one((1., 2.))
        optimizer = self.optimizer([param], SGD)

        def closure():
            optimizer.zero_grad()
            loss = param.square().sum()
            loss.backward()
            return loss
        self.assertEqual(optimizer.step(closure).item(), 5)
        self.assertTrue(torch.equal(param, torch.tensor([-1., -2.])))

    def test_parameters_without_gradient_stay(self):
        moved, still, empty = self.one(), self.one(), self.one(())
        optimizer = self.optimizer([moved, still, torch.zeros(0)], ADAM)
        optimizer.add_param_group({'params': [empty]})
        moved.grad, still.grad = torch.ones(2), torch.ones(2)
        optimizer.step()
        before = still.detach().clone()
        self.assertTrue((before != 0).all())
        still.grad = None  # Adam's momentum would go on
        optimizer.step()
        self.assertFalse(torch.equal(moved, before))
        self.assertTrue(torch.equal(still, before))
        self.assertIsNone(optimizer.sessions[1])  # nothing to step

    def test_a_skipped_step_uses_nothing_up(self):
        # What GradScaler does when it finds an infinity: it does not call step.
        whole, skipping = network(), network()
        train(whole, self.optimizer(whole.named_parameters()), 1, 4)
        optimizer = self.optimizer(skipping.named_parameters())
        train(skipping, optimizer, 1, 2)
        for param in skipping.parameters():
            param.grad = torch.full_like(param, torch.inf)
        with self.assertRaises(metastep.Error) as caught:
            optimizer.step()  # as is this, when the loop carries on
        self.assertEqual(caught.exception.metadata['tensor'], '0.weight')
        train(skipping, optimizer, 3, 4)
        self.assertTrue(torch.equal(parameters_of(skipping),
                                    parameters_of(whole)))

    def test_a_gradient_that_is_not_finite_steps_no_other_group(self):
        # 1e5 is finite in float32; float16 ends at 65,504.
        for wire_format, wrong in (('float32', torch.nan), ('float16', 1e5)):
            a, b = self.one(), self.one()
            optimizer = self.optimizer(
                [{'params': [('a', a)]}, {'params': [('b', b)]}], SGD,
                wire_format=wire_format)
            a.grad, b.grad = torch.ones(2), torch.tensor([1., wrong])
            with self.assertRaises(metastep.Error) as caught:
                optimizer.step()
            self.assertEqual(caught.exception.reason, 'GRADIENT_NOT_FINITE')
            self.assertEqual(caught.exception.metadata,
                             {'tensor': 'b', 'offset': '1'})
            # The batch is skipped; SGD's update is the next gradient.
            a.grad, b.grad = torch.full((2,), 2.), torch.full((2,), 4.)
            optimizer.step()
            self.assertTrue(torch.equal(a, torch.full((2,), -2.)))
            self.assertTrue(torch.equal(b, torch.full((2,), -4.)))

    def test_sparse_gradients_are_refused_and_nothing_moves(self):
        dense = self.one()
        embedding = torch.nn.Embedding(4, 2, sparse=True)
        optimizer = self.optimizer(
            [('dense', dense), ('embedding', embedding.weight)], SGD)
        dense.grad = torch.ones(2)
        embedding(torch.tensor([1])).sum().backward()
        with self.assertRaisesRegex(RuntimeError, "'embedding' is torch"):
            optimizer.step()
        self.assertTrue(torch.equal(dense, torch.zeros(2)))

    def test_half_precision_parameters(self):
        param = torch.nn.Parameter(torch.ones(2, dtype=torch.bfloat16))
        optimizer = self.optimizer([param], SGD)
        param.grad = torch.full_like(param, 0.5)
        optimizer.step()
        self.assertTrue(torch.equal(param, torch.full_like(param, 0.5)))

    def test_large_models_stream_to_the_same_bits(self):
        size = 300_000
        whole, half = self.one(), self.one()
        whole.data = torch.zeros(size)
        half.data = torch.zeros(size // 2)
        draw = torch.Generator().manual_seed(1)
        optimizers = [self.optimizer([param], ADAM) for param in (whole, half)]
        for _ in range(2):
            whole.grad = torch.randn(size, generator=draw)
            half.grad = whole.grad[:size // 2].clone()
            for optimizer in optimizers:
                optimizer.step()
        self.assertTrue(torch.equal(whole[:size // 2], half))

    def test_checkpoints_older_than_the_last_few_are_deleted(self):
        param = self.one()
        optimizer = self.optimizer([param], SGD, keep_snapshots=2)
        param.grad = torch.ones(2)
        optimizer.step()
        first, second, third = (optimizer.state_dict() for _ in range(3))
        with self.assertRaises(metastep.NotFound) as caught:
            optimizer.load_state_dict(first)
        self.assertEqual(caught.exception.reason, 'SNAPSHOT_UNKNOWN')
        optimizer.step()  # it is as it was
        optimizer.load_state_dict(second)
        self.assertEqual(optimizer.sessions[0].next_step, 2)
        delete_snapshots(third, self.client)
        with self.assertRaises(metastep.NotFound):
            optimizer.load_state_dict(third)

    def test_a_checkpoint_that_fails_leaves_no_snapshot(self):
        params = [self.one(), self.one()]
        optimizer = self.optimizer([{'params': [p]} for p in params], SGD)
        for param in params:
            param.grad = torch.ones(2)
        optimizer.step()
        first, second = optimizer.sessions
        made = []
        save = first.save
        first.save = lambda: made.append(save()) or made[-1]

        def full():
            raise metastep.Error('full', None)
        second.save = full
        with self.assertRaisesRegex(metastep.Error, 'full'):
            optimizer.state_dict()
        self.assertEqual(len(made), 1)
        with self.assertRaises(metastep.NotFound):
            self.client.restore_session(made[0])

    def test_old_snapshots_that_could_not_be_deleted_are_at_the_next(self):
        param = self.one()
        optimizer = self.optimizer([param], SGD, keep_snapshots=1)
        param.grad = torch.ones(2)
        optimizer.step()
        first = optimizer.state_dict()['metastep']['snapshots'][0]
        delete = self.client.delete_snapshot

        def fail(snapshot_id):
            raise metastep.Unavailable('out of reach', None)
        self.client.delete_snapshot = fail
        with self.assertLogs('metastep', 'WARNING'):
            optimizer.state_dict()
        self.client.delete_snapshot = delete
        optimizer.state_dict()
        with self.assertRaises(metastep.NotFound):
            self.client.restore_session(first)

    def test_loading_that_fails_leaves_no_session(self):
        def groups(size):
            return [{'params': [self.one() for _ in range(size)]}
                    for _ in range(2)]
        optimizer = self.optimizer(groups(1), SGD)
        for group in optimizer.param_groups:
            group['params'][0].grad = torch.ones(2)
        optimizer.step()
        saved = optimizer.state_dict()
        before = self.client.sessions()
        # torch refuses groups of another size.
        with self.assertRaisesRegex(ValueError, "size"):
            self.optimizer(groups(2), SGD).load_state_dict(saved)
        self.assertEqual(self.client.sessions(), before)
        # The first group's session is restored, the second's is gone.
        self.client.delete_snapshot(saved['metastep']['snapshots'][1])
        with self.assertRaises(metastep.NotFound):
            optimizer.load_state_dict(saved)
        self.assertEqual(self.client.sessions(), before)

    def test_closing_frees_the_session(self):
        param = self.one()
        with RemoteOptimizer([param], SGD,
                             server=self.server.address) as optimizer:
            param.grad = torch.ones(2)
            optimizer.step()
            session_id = optimizer.sessions[0].info.session_id
        self.assertNotIn(session_id,
                         [open.session_id for open in self.client.sessions()])
        with self.assertRaisesRegex(RuntimeError, 'closed'):
            optimizer.step()

    def test_wrong_arguments(self):
        with self.assertRaisesRegex(ValueError, 'on_unavailable'):
            self.optimizer([self.one()], SGD, on_unavailable='ignore')
        with self.assertRaises(metastep.NotFound):
            self.optimizer([self.one()], 'nobody')
        with self.assertRaisesRegex(ValueError, '2 different names'):
            self.optimizer([('w', self.one()), ('w', self.one())], SGD)
        with self.assertRaisesRegex(ValueError, 'not one of RemoteOptimizer'):
            self.optimizer([self.one()], SGD).load_state_dict(
                torch.optim.Adam([self.one()]).state_dict())


class _RestartOnce(logging.Handler):
    """Starts a killed server again at the first warning."""

    def __init__(self, server):
        super().__init__()
        self._server = server

    def emit(self, record):
        if self._server is not None:
            self._server.restart()
            self._server = None


class OutOfReachTest(unittest.TestCase):

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)
        self.client = metastep.Client(
            self.server.address, give_up_after=0.2, initial_backoff=0.02)
        self.addCleanup(self.client.close)

    def optimizer(self, params, model, **options):
        return RemoteOptimizer(params, model, server=self.client, **options)

    def test_raise_moves_nothing_and_takes_no_step_twice(self):
        a, b = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
        optimizer = self.optimizer([{'params': [a]}, {'params': [b]}], ADAM)
        for param in (a, b):
            param.grad = torch.ones(2)
        optimizer.step()
        before = a.detach().clone()
        # The second group fails after the first has been stepped.
        session = optimizer.sessions[1]
        step, session.step = session.step, self.fail_once
        with self.assertRaises(metastep.Unavailable):
            optimizer.step()
        self.assertTrue(torch.equal(a, before))
        # A checkpoint of that has the first group's update.
        saved = optimizer.state_dict()
        c, d = (torch.nn.Parameter(before.clone()) for _ in range(2))
        other = self.optimizer([{'params': [c]}, {'params': [d]}], ADAM)
        other.load_state_dict(saved)
        c.grad, d.grad = torch.ones(2), torch.ones(2)
        session.step = step
        for each in (optimizer, other):
            each.step()
            self.assertEqual([s.next_step for s in each.sessions], [3, 3])
        for param in (b, c, d):
            self.assertTrue(torch.equal(a, param))

    @staticmethod
    def fail_once(gradient):
        del gradient
        raise metastep.Unavailable('out of reach', None)

    def test_local_goes_on_by_the_same_model(self):
        file = lstm_file(IDENTITY)
        self.client.import_model('toy', file)
        net, alone = network(), network()
        optimizer = self.optimizer(net.named_parameters(), 'toy', lr=0.5,
                                   on_unavailable='local')
        train(net, optimizer, 1, 3)
        alone.load_state_dict(net.state_dict())
        self.server.kill()
        with self.assertLogs('metastep', 'WARNING') as logs:
            train(net, optimizer, 4, 6)
        self.server.restart()
        self.assertEqual(len(logs.output), 1)
        self.assertTrue(optimizer.is_local)
        train(alone, LearnedOptimizer.from_model(
            file, alone.named_parameters(), lr=0.5), 4, 6)
        self.assertTrue(torch.equal(parameters_of(net), parameters_of(alone)))
        # And so does a checkpoint of it.
        saved = optimizer.state_dict()
        resumed = network()
        resumed.load_state_dict(net.state_dict())
        back = metastep.Client(self.server.address)
        self.addCleanup(back.close)
        other = RemoteOptimizer(resumed.named_parameters(), 'toy', lr=0.5,
                                server=back, on_unavailable='local')
        other.load_state_dict(saved)
        train(resumed, other, 7, 9)
        train(net, optimizer, 7, 9)
        self.assertTrue(torch.equal(parameters_of(net), parameters_of(resumed)))
        # Whoever loads it is local, and so are the groups added then.
        raising = RemoteOptimizer(network().named_parameters(), 'toy',
                                  server=back)
        raising.load_state_dict(saved)
        late = torch.nn.Parameter(torch.zeros(2))
        raising.add_param_group({'params': [late]})
        late.grad = torch.ones(2)
        raising.step()
        self.assertTrue((late != 0).all())

    def test_local_goes_on_by_the_model_of_the_loaded_checkpoint(self):
        first, second = lstm_file(IDENTITY), lstm_file(IDENTITY, seed=2)
        self.client.import_model('toy', first)
        self.client.import_model('toy', second)
        saved = self.optimizer(network().parameters(), 'toy@1').state_dict()
        net, alone = network(), network()
        optimizer = self.optimizer(net.parameters(), 'toy@2',
                                   on_unavailable='local')
        optimizer.load_state_dict(saved)
        self.server.kill()
        with self.assertLogs('metastep', 'WARNING'):
            train(net, optimizer, 1, 3)
        self.server.restart()
        train(alone, LearnedOptimizer.from_model(first, alone.parameters()),
              1, 3)
        self.assertTrue(torch.equal(parameters_of(net), parameters_of(alone)))

    def test_retry_outlasts_a_restart(self):
        param = torch.nn.Parameter(torch.zeros(2))
        optimizer = self.optimizer([param], SGD, on_unavailable='retry')
        param.grad = torch.ones(2)
        self.server.kill()
        restart = _RestartOnce(self.server)
        log = logging.getLogger('metastep')
        with self.assertLogs(log, 'WARNING') as logs:
            log.addHandler(restart)
            optimizer.step()
        self.assertIn('still trying', logs.output[0])
        self.assertTrue(torch.equal(param, -torch.ones(2)))


if __name__ == '__main__':
    unittest.main()
