"""The wire's floats, bit by bit."""
import unittest

import numpy as np

from metastep import _floats


def bits(name, value):
    data = _floats.encode(name, np.array([value], np.float32))
    return int.from_bytes(data, 'little')


class FloatsTest(unittest.TestCase):

    def test_bfloat16_is_rounded_to_nearest_even(self):
        # bfloat16 has 7 bits after the point: 1 is 0x3F80, 1 + 2^-7 is 0x3F81.
        self.assertEqual(bits('bfloat16', 1 + 2 ** -8), 0x3F80)
        self.assertEqual(bits('bfloat16', 1 + 3 * 2 ** -8), 0x3F82)
        self.assertEqual(bits('bfloat16', 1 + 2 ** -8 + 2 ** -20), 0x3F81)
        self.assertEqual(bits('bfloat16', -np.inf), 0xFF80)

    def test_a_nan_stays_one(self):
        # All of its 23 fraction bits set: rounding would carry into the sign.
        nan = np.array([0x7FFFFFFF], np.uint32).view(np.float32)[0]
        for name in _floats.FORMATS:
            out = np.zeros(1, np.float32)
            _floats.decode(name, _floats.encode(name, np.array([nan])), out)
            self.assertTrue(np.isnan(out[0]), name)

    def test_what_a_format_holds_comes_back(self):
        values = np.array([0, -0.0, 1.5, -2.0 ** -14, 65504 / 2.0 ** 11],
                          np.float32)
        for name in _floats.FORMATS:
            exact = values[:4] if name == 'bfloat16' else values
            out = np.empty_like(exact)
            _floats.decode(name, _floats.encode(name, exact), out)
            np.testing.assert_array_equal(out, exact)

    def test_what_float16_cannot_hold_is_an_infinity(self):
        self.assertEqual(bits('float16', 1e6), 0x7C00)

    def test_overflow_is_the_first_magnitude_sent_as_an_infinity(self):
        # Exponents of ones, without fraction: 8 bits and 7, or 5 and 10.
        for name, infinity in (('bfloat16', 0x7F80), ('float16', 0x7C00)):
            first = np.float32(_floats.OVERFLOW[name])
            self.assertEqual(bits(name, first), infinity)
            self.assertEqual(bits(name, np.nextafter(first, np.float32(0))),
                             infinity - 1)


if __name__ == '__main__':
    unittest.main()
