"""examples/pytorch_mnist.py, run as it is written, on a few steps."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from support import PAPER, SERVER, ServerTest, lstm_file

EXAMPLE = pathlib.Path(__file__).parents[2] / 'examples/pytorch_mnist.py'


class MnistExampleTest(ServerTest):

    def test_prints_and_plots_the_curves(self):
        self.client.import_model('mnist', lstm_file(PAPER))
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder)
            subprocess.run([os.path.join(os.path.dirname(SERVER),
                                         'metastep-make-data'), 'digits', folder,
                            '--train', '5000', '--test', '10'], check=True)
            plot = data / 'curve.svg'
            output = subprocess.run(
                [sys.executable, EXAMPLE, '--server', self.server.address,
                 '--data-dir', folder, '--steps', '3', '--tasks', '1',
                 '--plot', plot], check=True, stdout=subprocess.PIPE,
                text=True).stdout
            self.assertIn('<polyline', plot.read_text())
        # Both begin at ln 10, the loss of ten classes alike.
        self.assertRegex(output, r'(?m)^ +0 +2\.3\d+ +2\.3\d+$')
        self.assertEqual(len(re.findall(r'(?m)^ +\d+ +\S+ +\S+$', output)), 4)
        self.assertRegex(output, "steps to Adam's loss after 3 steps")


if __name__ == '__main__':
    unittest.main()
