"""The Debian packages of a build: what they hold, need and do. deploy/package-test
installs them.

Takes the build's folder from METASTEP_BUILD_DIR.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = os.environ['METASTEP_BUILD_DIR']
NAMES = {'metastep-server', 'metastep-worker', 'metastep-client',
         'libmetastep-client-dev'}
SERVICES = {'metastep-server': 'metastep', 'metastep-worker': 'metastep-worker'}


def output_of(*command, **options):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE, **options).stdout


class PackagesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        output_of('cpack', '-B', root, cwd=BUILD)
        cls.files = {path.name.split('_')[0]: path
                     for path in root.glob('*.deb')}
        cls.root = root / 'content'
        cls.root.mkdir()
        for name, path in cls.files.items():
            output_of('dpkg-deb', '--raw-extract', path, cls.root / name)

    def field(self, package, name):
        return output_of('dpkg-deb', '--field', self.files[package],
                         name).strip()

    def depends(self, package):
        return re.findall(r'(?:^|, )([^ ,]+)', self.field(package, 'Depends'))

    def text(self, package, path):
        return (self.root / package / path).read_text(encoding='utf-8')

    def test_there_is_one_for_each_component(self):
        self.assertEqual(set(self.files), NAMES)

    def test_only_the_worker_needs_libtorch(self):
        needs = {name for name in NAMES
                 if any('libtorch' in one for one in self.depends(name))}
        self.assertEqual(needs, {'metastep-worker'})

    def test_the_library_needs_the_headers_that_it_was_built_with(self):
        version = output_of('dpkg-query', '--show',
                            '--showformat=${Version}', 'libgrpc++-dev')
        upstream = version.rsplit('-', 1)[0]
        self.assertIn(f'libgrpc++-dev (>= {upstream}), '
                      f'libgrpc++-dev (<< {upstream}.~)',
                      self.field('libmetastep-client-dev', 'Depends'))

    def test_bills_list_what_the_packages_depend_on(self):
        for name in NAMES - {'libmetastep-client-dev'}:
            bill = json.loads(self.text(
                name, f'usr/share/doc/{name}/sbom.spdx.json'))
            listed = [package['name'] for package in bill['packages'][1:]]
            self.assertIn('libc6', listed)
            # Some are depended on by another name.
            provided = output_of('dpkg-query', '--show',
                                 '--showformat=${Provides} ', *listed)
            known = {*listed, *re.findall(r'[a-z0-9][^ ,()]+', provided)}
            self.assertLessEqual(set(self.depends(name)) - {'adduser'}, known)

    def test_every_package_has_its_documents_and_nothing_outside_usr(self):
        for name in NAMES:
            root = self.root / name
            for file in ('copyright', 'changelog.gz', 'CHANGELOG.md'):
                self.assertTrue((root / 'usr/share/doc' / name / file).is_file(),
                                f'{name}: {file}')
            self.assertEqual({path.name for path in root.iterdir()},
                             {'DEBIAN', 'usr'})

    def test_the_command_brings_what_it_looks_for(self):
        root = self.root / 'metastep-client/usr'
        for file in ('bin/metastep', 'share/man/man1/metastep.1.gz',
                     'share/bash-completion/completions/metastep',
                     'share/metastep/specs/reproduce/mnist.textproto',
                     'share/metastep/models/mnist.safetensors'):
            self.assertTrue((root / file).is_file(), file)

    def test_every_program_has_a_manual_page(self):
        for name in NAMES:
            for program in (self.root / name / 'usr').glob('bin/*'):
                page = output_of('zcat', self.root / name / 'usr/share/man/man1'
                                 / f'{program.name}.1.gz')
                self.assertIn('--help', page.replace('\\-', '-'), program.name)

    def test_the_library_brings_the_protos(self):
        self.assertIn('service StepService', self.text(
            'libmetastep-client-dev',
            'usr/share/metastep/proto/metastep/v1/step_service.proto'))

    def test_services_run_as_users_that_the_package_makes(self):
        for name, user in SERVICES.items():
            unit = self.text(name, f'usr/lib/systemd/system/{name}.service')
            self.assertIn(f'\nUser={user}\n', unit)
            self.assertIn(f'\nExecStart=/usr/bin/{name} ', unit)
            self.assertNotIn('/usr/local', unit)
            self.assertIn(f'--home /var/lib/{user} ',
                          self.text(name, 'DEBIAN/postinst'))

    def test_only_a_purge_deletes_state(self):
        for name in SERVICES:
            for script in ('postinst', 'prerm', 'postrm'):
                path = self.root / name / 'DEBIAN' / script
                output_of('sh', '-n', path)
                text = path.read_text(encoding='utf-8')
                self.assertNotIn('@', text)
                before, _, _ = text.partition('if [ "$1" = purge ]')
                self.assertNotRegex(before, r'\brm(dir)? -')
        self.assertIn('rm -rf --one-file-system /var/lib/metastep\n',
                      self.text('metastep-server', 'DEBIAN/postrm'))


if __name__ == '__main__':
    unittest.main()
