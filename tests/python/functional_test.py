"""The init/update pair, beside a Session's own steps."""
import unittest

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


if __name__ == '__main__':
    unittest.main()
