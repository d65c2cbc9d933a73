"""The init/update pair, beside a Session's own steps."""
import importlib.util
import sys
import unittest
import unittest.mock

import numpy as np

import metastep
from support import ServerTest

ADAM = metastep.hand_designed('adam', learning_rate=0.1)


class FunctionalTest(ServerTest):

    def test_updates_have_the_form_of_the_params(self):
        params = {'layer': {'w': np.ones((2, 3)), 'b': np.zeros(3)},
                  'scale': 2.}
        draw = np.random.default_rng(1)
        optimizer = metastep.functional.remote(self.client, ADAM)
        state = optimizer.init(params)
        self.addCleanup(state.close)
        with self.client.open_session(ADAM, {'all': (10,)}) as session:
            for _ in range(3):
                flat = draw.normal(size=10)
                gradients = {'layer': {'w': flat[:6].reshape(2, 3),
                                       'b': flat[6:9]}, 'scale': flat[9]}
                updates, state = optimizer.update(gradients, state, params)
                expected = session.step(flat)
                np.testing.assert_array_equal(updates['layer']['w'],
                                              expected[:6].reshape(2, 3))
                np.testing.assert_array_equal(updates['layer']['b'],
                                              expected[6:9])
                self.assertEqual(updates['scale'], expected[9])

    def test_gradients_of_another_form_are_refused(self):
        optimizer = metastep.functional.remote(self.client, ADAM)
        state = optimizer.init({'w': np.zeros(2)})
        self.addCleanup(state.close)
        with self.assertRaisesRegex(ValueError, r"gradients are for \['v'\]"):
            optimizer.update({'v': np.zeros(2)}, state)

    def test_two_arrays_of_one_path_are_refused(self):
        optimizer = metastep.functional.remote(self.client, ADAM)
        with self.assertRaisesRegex(ValueError, "called 'a.b'"):
            optimizer.init({'a.b': np.ones(2), 'a': {'b': np.ones(2)}})

    def test_without_jax_only_dictionaries_hold_arrays(self):
        optimizer = metastep.functional.remote(self.client, ADAM)
        two = [np.ones(3), np.ones(3)]
        with unittest.mock.patch.dict(sys.modules, {'jax': None}):
            for layers in (two, tuple(two), None, [np.ones(3), np.ones(4)]):
                with self.assertRaisesRegex(
                        TypeError, f"'layers' is a {type(layers).__name__}"):
                    optimizer.init({'layers': layers})

    @unittest.skipUnless(importlib.util.find_spec('jax'), 'needs JAX')
    def test_jaxs_pytrees_may_be_below_a_dictionary(self):
        params = {'layers': [np.ones(3), (np.ones(4), None)], 'scale': 2.}
        optimizer = metastep.functional.remote(self.client, ADAM)
        state = optimizer.init(params)
        self.addCleanup(state.close)
        self.assertEqual(state.shapes, {'layers.0': (3,), 'layers.1.0': (4,),
                                        'scale': ()})
        updates, state = optimizer.update(params, state)
        first, (second, none) = updates['layers']
        # Adam's first step is its rate, against the gradient's sign.
        np.testing.assert_allclose(first, np.full(3, -0.1), rtol=1e-6)
        np.testing.assert_allclose(second, np.full(4, -0.1), rtol=1e-6)
        self.assertIsNone(none)


if __name__ == '__main__':
    unittest.main()
