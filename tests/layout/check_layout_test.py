"""Breaks small trees in each way that check_layout.py must see."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).with_name('check_layout.py')


class CheckLayoutTest(unittest.TestCase):

    def problems(self, files):
        """The lines that the check prints for a tree of these files."""
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding='utf-8')
            ran = subprocess.run([sys.executable, CHECK, folder],
                                 stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(ran.returncode, 1 if ran.stdout else 0)
        return ran.stdout.splitlines()

    def include_problems(self, path, include):
        return self.problems({path: f'// A header.\n#include {include}\n'})

    def test_passes_allowed_arrows(self):
        for path, include in [
                ('worker/worker.h', '"learner/learner.h"'),
                ('worker/worker.h', '"optimizee/torch/task_family.h"'),
                ('client/client.h', '"optimizee/closed_form.h"'),
                ('optimizer/run_spec.h', '"metastep/v1/spec.pb.h"'),
                ('rpc/retry.h', '"metastep/v1/step_service.grpc.pb.h"'),
                ('server/server.h', '<grpcpp/server.h>'),
                ('base/clock.h', '"absl/time/time.h"'),
                ('base/clock.h', '<torchvision.h>'),
                ('tests/support/cluster.h', '"server/server.h"'),
                ('optimizee/torch/mlp.h', '<ATen/ATen.h>'),
        ]:
            with self.subTest(path=path, include=include):
                self.assertEqual(self.include_problems(path, include), [])

    def test_fails_on_forbidden_arrows(self):
        for path, include, target in [
                ('base/clock.h', '"optimizer/run_spec.h"', 'optimizer'),
                ('optimizer/rule.h', '"optimizee/task.h"', 'optimizee'),
                ('optimizer/rule.h', '"metastep/v1/step_service.pb.h"',
                 'proto services'),
                ('optimizer/rule.h', '<grpcpp/server.h>', 'proto services'),
                ('optimizee/task.h', '"optimizee/torch/mlp.h"',
                 'optimizee/torch'),
                ('learner/learner.h', '"rpc/retry.h"', 'rpc'),
                ('rpc/retry.h', '"optimizer/run_spec.h"', 'optimizer'),
                ('server/server.h', '"optimizee/task.h"', 'optimizee'),
                ('server/server.h', '"worker/worker.h"', 'worker'),
                ('worker/worker.h', '"server/server.h"', 'server'),
                ('client/client.h', '"server/server.h"', 'server'),
                ('client/client.h', '"optimizee/torch/task_family.h"',
                 'optimizee/torch'),
        ]:
            with self.subTest(path=path, include=include):
                [problem] = self.include_problems(path, include)
                self.assertTrue(problem.startswith(f'{path}:2: '), problem)
                self.assertTrue(
                    problem.endswith(f'may not include {target}'), problem)

    def test_fails_on_libtorch_elsewhere(self):
        for path in ['learner/learner.h', 'tests/learner/other.h',
                     'optimizee/task.h', 'server/server.h']:
            for include in ['<torch/torch.h>', '"ATen/ATen.h"', '<c10/a.h>']:
                with self.subTest(path=path, include=include):
                    [problem] = self.include_problems(path, include)
                    self.assertIn('LibTorch', problem)

    def test_fails_on_a_way_around(self):
        [problem] = self.include_problems('client/client.h',
                                          '"../server/server.h"')
        self.assertIn('by the path from the root', problem)

    def test_fails_on_a_test_that_is_not_listed(self):
        tree = {
            'CMakeLists.txt': 'add_subdirectory(tests)\n',
            'tests/CMakeLists.txt':
                'metastep_test(t SRCS a_test.cc sub/c_test.cc) # b_test.cc\n',
            'tests/a_test.cc': '',
            'tests/b_test.cc': '',
            'tests/sub/c_test.cc': '',
        }
        self.assertEqual(
            self.problems(tree),
            ['tests/b_test.cc: no CMakeLists.txt lists it'])

    def test_fails_on_a_folder_that_is_not_added(self):
        tree = {
            'CMakeLists.txt': 'add_subdirectory(base)\n',
            'base/CMakeLists.txt': '',
            'worker/CMakeLists.txt': '',
        }
        self.assertEqual(
            self.problems(tree),
            ['worker/CMakeLists.txt: no add_subdirectory names its folder'])

    def test_passes_a_project_of_its_own(self):
        self.assertEqual(
            self.problems({
                'examples/cpp/CMakeLists.txt': 'project(client)\n'
                                               'add_executable(c main.cc)\n',
                'examples/cpp/main.cc': '',
            }), [])

    def test_skips_build_trees(self):
        self.assertEqual(self.problems({'build/release/x_test.cc': ''}), [])


if __name__ == '__main__':
    unittest.main()
