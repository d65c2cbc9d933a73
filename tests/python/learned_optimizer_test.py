"""LearnedOptimizer: its steps beside the server's, and its manners."""
import copy
import io
import unittest

import numpy as np
import torch

import metastep
from metastep.torch import LearnedOptimizer
from support import IDENTITY, PAPER, ServerTest, lstm_file, model_file

STEPS = 30
# The server's kernel takes rational approximations of tanh and the logistic
# function, good to some 1e-7 (optimizer/activation-inl.h), and sums in another
# order. Over STEPS steps of a recurrent rule such differences may grow; seen:
# 4e-7 of the largest update.
TOLERANCE = 3e-6


def gradients(size, seed=5):
    """[STEPS][size], from 1e-6 to 10 and zeros, so that log-and-sign is used on
    all of its pieces."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(STEPS, size)) * 10.0 ** draw.uniform(
        -6, 1, (STEPS, size))
    values[:, 0] = 0
    return values.astype(np.float32)


def local_updates(rule, rows, names=('w',)):
    """Updates [STEPS][size] by LearnedOptimizer, from zero parameters."""
    parts = [torch.nn.Parameter(torch.zeros(part.size))
             for part in np.array_split(rows[0], len(names))]
    optimizer = LearnedOptimizer(list(zip(names, parts)), rule)
    updates = []
    for row in rows:
        for param, part in zip(parts, np.array_split(row, len(names))):
            param.data.zero_()
            param.grad = torch.from_numpy(part.copy())
        optimizer.step()
        updates.append(torch.cat(parts).detach().numpy().copy())
    return np.array(updates)


class AgainstTheServerTest(ServerTest):

    def check(self, open_rule, local_rule, names=('w',)):
        rows = gradients(40)
        sizes = [part.size for part in np.array_split(rows[0], len(names))]
        shapes = {name: (size,) for name, size in zip(names, sizes)}
        with self.client.open_session(open_rule, shapes) as session:
            remote = np.array([session.step(row) for row in rows])
        local = local_updates(local_rule, rows, names)
        scale = np.abs(remote).max()
        self.assertGreater(scale, 1e-3)  # it is a test only if something moves
        self.assertLess(np.abs(local - remote).max(), TOLERANCE * scale)

    def check_model(self, file, names=('w',)):
        name = self.id().rpartition('.')[2].lower()
        self.client.import_model(name, file)
        self.check(name, file, names)

    def test_lstm_with_log_and_sign(self):
        self.check_model(lstm_file(PAPER))

    def test_lstm_with_identity_and_another_forget_bias(self):
        self.check_model(lstm_file(IDENTITY))

    def test_lstm_with_moments(self):
        for number, moments in enumerate(
                ({}, {'beta1': 0.5, 'beta2': 0.99}, {'beta1': 0.0})):
            with self.subTest(**moments):
                file = lstm_file({'hidden': [7], 'output_scale': 0.1,
                                  'preprocessing': {'moments': moments}})
                self.client.import_model(f'moments{number}', file)
                self.check(f'moments{number}', file)

    def check_cell(self, cell, **values):
        for preprocessing in ('identity', 'log_and_sign', 'moments'):
            with self.subTest(preprocessing):
                file = model_file([(cell, ['*'], {cell: {
                    'hidden': [7, 4], 'output_scale': 0.1, **values,
                    'preprocessing': {preprocessing: {}}}})])
                name = f'{cell}_{len(values)}_{preprocessing}'
                self.client.import_model(name, file)
                self.check(name, file)

    def test_gru(self):
        self.check_cell('gru')

    def test_lmu(self):
        self.check_cell('lmu')

    def test_lmu_with_a_short_memory(self):
        self.check_cell('lmu', memory_length=8)

    def test_a_preset_stands_for_its_values(self):
        spelled = lstm_file(PAPER)
        short = lstm_file({**PAPER, 'preset': 'PAPER'})
        # What the preset says is left out of the file, and filled in by both.
        for words in (b'\\"hidden\\": [20, 20], ',
                      b', \\"output_scale\\": 0.1'):
            self.assertIn(words, short)
            head, tail = short.split(words)
            short = ((int.from_bytes(head[:8], 'little') - len(words))
                     .to_bytes(8, 'little') + head[8:] + tail)
        self.check_model(short)
        rows = gradients(10)
        np.testing.assert_array_equal(local_updates(short, rows),
                                      local_updates(spelled, rows))

    def test_a_rule_without_layers(self):
        self.check_model(lstm_file({'hidden': [], 'output_scale': -0.1,
                                    'preprocessing': {'identity': {}}}))

    def test_an_antisymmetric_rule(self):
        for cell in ('lstm', 'gru', 'lmu'):
            with self.subTest(cell):
                file = model_file([('rule', ['*'], {
                    'antisymmetric': True, cell: {
                        'hidden': [5], 'output_scale': 0.1,
                        'preprocessing': {'log_and_sign': {}}}})])
                self.client.import_model(f'anti-{cell}', file)
                self.check(f'anti-{cell}', file)

    def test_several_rules_choose_by_name(self):
        file = model_file([('weights', ['*.weight'], {'lstm': PAPER}),
                           ('rest', ['*.b?as'], {'gru': {
                               'hidden': [5],
                               'preprocessing': {'identity': {}}}})])
        self.check_model(file, ('0.weight', '0.bias', '1.weight', '1.bias'))

    def test_hand_designed_rules(self):
        for name, values in (
                ('sgd', {}), ('momentum', {}), ('momentum', {'momentum': 0.5}),
                ('nag', {}), ('rmsprop', {}), ('rmsprop', {'alpha': 0.0}),
                ('adam', {}), ('adam', {'beta1': 0.5, 'beta2': 0.9,
                                        'epsilon': 1e-3})):
            with self.subTest(name, **values):
                rule = metastep.hand_designed(name, learning_rate=0.1, **values)
                self.check(rule, rule)


class LearnedOptimizerTest(unittest.TestCase):

    def test_more_coordinates_than_a_chunk_are_stepped_alike(self):
        rows = np.tile(gradients(3)[:2], 30_000)  # 90,000 > 65,536
        updates = local_updates(lstm_file(IDENTITY), rows)
        np.testing.assert_allclose(updates[:, -3:], updates[:, :3], rtol=1e-6)

    def test_a_checkpoint_goes_on_to_the_same_bits_also_in_bfloat16(self):
        file = lstm_file(PAPER)

        def train(param, optimizer, steps):
            for _ in range(steps):
                optimizer.zero_grad()
                param.square().sum().backward()
                optimizer.step()

        for dtype in (torch.float32, torch.bfloat16):
            param = torch.nn.Parameter(torch.ones(5, dtype=dtype))
            optimizer = LearnedOptimizer.from_model(file, [param])
            train(param, optimizer, 3)
            checkpoint = io.BytesIO()
            torch.save((param, optimizer.state_dict()), checkpoint)
            train(param, optimizer, 3)
            checkpoint.seek(0)
            restored, state = torch.load(checkpoint)
            resumed = LearnedOptimizer.from_model(file, [restored])
            resumed.load_state_dict(state)
            train(restored, resumed, 3)
            self.assertTrue(torch.equal(param, restored), dtype)

    def test_lr_scales_and_parameters_without_gradient_stay(self):
        sgd = metastep.hand_designed('sgd', learning_rate=1)
        moved, still = (torch.nn.Parameter(torch.zeros(2)) for _ in range(2))
        optimizer = LearnedOptimizer([moved, still], sgd, lr=0.5)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
        for expected in (-0.5, -0.75):
            moved.grad = torch.ones(2)
            optimizer.step()
            scheduler.step()
            self.assertTrue(torch.equal(moved, torch.full((2,), expected)))
        self.assertTrue(torch.equal(still, torch.zeros(2)))
        self.assertNotIn(still, optimizer.state)

    def test_copies_and_pickles_step_alike(self):
        param = torch.nn.Parameter(torch.ones(3))
        optimizer = LearnedOptimizer.from_model(lstm_file(PAPER), [param])
        param.grad = torch.ones(3)
        optimizer.step()
        saved = io.BytesIO()
        torch.save((param, optimizer), saved)
        saved.seek(0)
        others = [torch.load(saved, weights_only=False),
                  copy.deepcopy((param, optimizer))]
        optimizer.step()
        for other, stepper in others:
            other.grad = torch.ones(3)
            stepper.step()
            self.assertTrue(torch.equal(other, param))

    def test_groups_are_left_as_they_were_given(self):
        sgd = metastep.hand_designed('sgd', learning_rate=1)
        group = {'params': [torch.nn.Parameter(torch.zeros(2))], 'model': sgd}
        LearnedOptimizer([group], lstm_file(IDENTITY))
        self.assertEqual(group['model'], sgd)
        self.assertEqual(set(group), {'params', 'model'})

    def test_a_parameter_that_no_rule_serves(self):
        file = lstm_file(IDENTITY, parameters=['*.weight'])
        with self.assertRaisesRegex(ValueError, "serves parameter 'param0'"):
            LearnedOptimizer.from_model(file, [torch.zeros(2)])

    def test_damaged_files_are_refused(self):
        good = lstm_file(IDENTITY)
        stated = good.replace(
            b'{\\"rules\\"', b'{\\"phi_sha256\\":\\"00\\",\\"rules\\"')
        longer = len(stated) - len(good)
        stated = (int.from_bytes(good[:8], 'little') + longer).to_bytes(
            8, 'little') + stated[8:]
        sized = stated.replace(b'phi_sha256\\":\\"00\\"', b'phi_size\\":\\"0009\\"')
        infinite = good[:-4] + b'\0\0\x80\x7f'
        bias = len(good) - 8 - int.from_bytes(good[:8], 'little') - 4
        overlapping = good.replace(f'[{bias}, {bias + 4}]'.encode(),
                                   f'[{bias - 4}, {bias}]'.encode())
        for file, message in (
                (b'', 'header'), (good[:-4], 'the tensors have'),
                (good + b'\0\0\0\0', 'the tensors have'),
                (good.replace(b'"shape": [1]', b'"shape":[-1]'), 'the shape'),
                (good.replace(b'{', b' ', 1), 'does not start'),
                (overlapping, 'begins at byte'), (sized, 'phi_size is 9'),
                (b'\xff' * 100, 'header would have'),
                (infinite, 'not finite'), (stated, 'phi_sha256 is 00'),
                (good.replace(b'output.bias', b'output.base'),
                 'lstm.output.bias must have shape'),
                (good.replace(b'"lstm\\":', b'"lsdm\\":'), 'lsdm')):
            with self.assertRaisesRegex(ValueError, message):
                LearnedOptimizer.from_model(file, [torch.zeros(2)])


if __name__ == '__main__':
    unittest.main()
