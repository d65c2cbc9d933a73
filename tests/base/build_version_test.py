"""Where cmake/BuildVersion.cmake takes the commit from, and when it writes."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GIT = ['git', '-c', 'user.name=t', '-c', 'user.email=t@example.org']


class BuildVersionTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.source = pathlib.Path(folder.name) / 'source'
        self.source.mkdir()
        self.output = pathlib.Path(folder.name) / 'build_version.cc'

    def git(self, *arguments, folder=None):
        done = subprocess.run([*GIT, *arguments], check=True, text=True,
                              cwd=folder or self.source, stdout=subprocess.PIPE)
        return done.stdout.strip()

    def commit_a_file(self):
        self.git('init', '--quiet')
        (self.source / 'file').write_text('a', encoding='utf-8')
        self.git('add', 'file')
        self.git('commit', '--quiet', '--message', 'a')
        return self.git('rev-parse', '--short', 'HEAD')

    def write(self, commit=''):
        return subprocess.run(
            ['cmake', f'-DSOURCE={self.source}', '-DVERSION=1.2.3',
             '-DBUILD=dev', f'-DTEMPLATE={ROOT}/base/build_version.cc.in',
             f'-DOUTPUT={self.output}', '-P',
             str(ROOT / 'cmake/BuildVersion.cmake')],
            env={**os.environ, 'METASTEP_COMMIT': commit}, text=True,
            capture_output=True, check=False)

    def version(self, commit=''):
        done = self.write(commit)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = self.output.read_text(encoding='utf-8')
        return re.search(r'"(1\.2\.3.*)"', text).group(1)

    def test_git_says_the_commit_and_whether_files_were_changed(self):
        commit = self.commit_a_file()
        self.assertEqual(self.version(), f'1.2.3 (commit {commit}, dev)')
        (self.source / 'file').write_text('b', encoding='utf-8')
        self.assertEqual(self.version(), f'1.2.3 (commit {commit}-dirty, dev)')

    def test_a_tag_is_no_commit(self):
        commit = self.commit_a_file()
        self.git('tag', '--annotate', 'v9', '--message', 'nine')
        self.assertIn(f'commit {commit},', self.version())

    def test_without_a_repository_it_is_unknown(self):
        self.assertIn('commit unknown,', self.version())
        # Nor is it that of one that the sources were unpacked in.
        outer = self.source.parent
        self.git('init', '--quiet', folder=outer)
        self.git('commit', '--quiet', '--allow-empty', '--message', 'o',
                 folder=outer)
        self.assertIn('commit unknown,', self.version())

    def test_the_environment_comes_first(self):
        self.commit_a_file()
        self.assertIn('commit abc1234,', self.version('abc1234'))
        refused = self.write('a"b')
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn('a"b', refused.stderr)

    def test_what_says_so_already_is_left_alone(self):
        self.version('a')
        os.utime(self.output, ns=(1, 1))
        self.version('a')
        self.assertEqual(self.output.stat().st_mtime_ns, 1)
        self.version('b')
        self.assertNotEqual(self.output.stat().st_mtime_ns, 1)


if __name__ == '__main__':
    unittest.main()
