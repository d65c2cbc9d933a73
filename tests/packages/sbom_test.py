"""tools/sbom: its packages are those of the libraries that ldd lists, and its
licences those of Debian's copyright files in SPDX's words.

Takes the folder of the built programs from METASTEP_BIN_DIR.
"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SBOM = ROOT / 'tools/sbom'
BIN = pathlib.Path(os.environ['METASTEP_BIN_DIR'])


def load_tool():
    loader = importlib.machinery.SourceFileLoader('sbom', str(SBOM))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader('sbom', loader))
    loader.exec_module(module)
    return module


def owners_by_path():
    """{path without /usr: package} as dpkg's own lists have it."""
    owners = {}
    for file in pathlib.Path('/var/lib/dpkg/info').glob('*.list'):
        for path in file.read_text(encoding='utf-8').splitlines():
            if '.so' in path:
                owners[path.removeprefix('/usr')] = file.stem.split(':')[0]
    return owners


def packages_by_ldd(program):
    listed = subprocess.run(['ldd', program], check=True, text=True,
                            stdout=subprocess.PIPE).stdout
    owners = owners_by_path()
    # The dynamic linker has no arrow; libc.so.6 is of the same package.
    return {owners[os.path.realpath(path).removeprefix('/usr')]
            for path in re.findall(r' => (/\S+)', listed)}


def bill_of(program):
    done = subprocess.run([SBOM, program, '1.2.3', BIN / program], check=True,
                          text=True, stdout=subprocess.PIPE,
                          env={**os.environ, 'SOURCE_DATE_EPOCH': '86400'})
    return json.loads(done.stdout)


class BillTest(unittest.TestCase):

    def test_packages_are_those_of_the_libraries_that_ldd_lists(self):
        for program in ('metastep', 'metastep-server', 'metastep-worker'):
            own, *others = bill_of(program)['packages']
            self.assertEqual((own['name'], own['versionInfo']),
                             (program, '1.2.3'))
            self.assertEqual({package['name'] for package in others},
                             packages_by_ldd(BIN / program))

    def test_only_the_worker_needs_libtorch(self):
        has = {program: any('libtorch' in package['name']
                            for package in bill_of(program)['packages'])
               for program in ('metastep', 'metastep-server',
                               'metastep-worker')}
        self.assertEqual(has, {'metastep': False, 'metastep-server': False,
                               'metastep-worker': True})

    def test_versions_are_those_installed(self):
        packages = bill_of('metastep-server')['packages']
        [libc] = [one for one in packages if one['name'] == 'libc6']
        version = subprocess.run(
            ['dpkg-query', '--show', '--showformat=${Version}', 'libc6'],
            check=True, text=True, stdout=subprocess.PIPE).stdout
        self.assertEqual(libc['versionInfo'], version)
        self.assertTrue(libc['sourceInfo'].startswith('built from glibc '))

    def test_the_document_is_spdx(self):
        """What SPDX 2.3 asks for, sections 6, 7, 10 and 11."""
        bill = bill_of('metastep-server')
        self.assertEqual(bill['spdxVersion'], 'SPDX-2.3')
        self.assertEqual(bill['dataLicense'], 'CC0-1.0')
        self.assertEqual(bill['creationInfo']['created'],
                         '1970-01-02T00:00:00Z')
        identifiers = [one['SPDXID'] for one in bill['packages']]
        self.assertEqual(len(set(identifiers)), len(identifiers))
        for one in identifiers:
            self.assertRegex(one, r'^SPDXRef-[A-Za-z0-9.-]+$')
        own, *others = identifiers
        related = {(one['spdxElementId'], one['relationshipType'],
                    one['relatedSpdxElement'])
                   for one in bill['relationships']}
        self.assertEqual(related, {
            ('SPDXRef-DOCUMENT', 'DESCRIBES', own),
            *((own, 'DEPENDS_ON', other) for other in others)})
        used = set(re.findall(r'LicenseRef-[A-Za-z0-9.-]+', ' '.join(
            one['licenseDeclared'] for one in bill['packages'])))
        given = bill.get('hasExtractedLicensingInfos', [])
        self.assertEqual(used, {one['licenseId'] for one in given})

    def test_a_wrong_call_says_so(self):
        for arguments in ([], ['x', '1', '/nowhere']):
            done = subprocess.run([SBOM, *arguments], text=True, check=False,
                                  capture_output=True)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn('sbom: error', done.stderr)


class LicenceTest(unittest.TestCase):
    HEAD = ('Format: https://www.debian.org/doc/packaging-manuals/'
            'copyright-format/1.0/\n\n')

    def licence(self, text):
        return load_tool().Licence('p', text)

    def expression(self, name):
        return self.licence(f'{self.HEAD}Files: debian/*\nLicense: GPL-1+\n\n'
                            f'Files: *\nCopyright: x\nLicense: {name}\n'
                            ).expression

    def test_debians_names_become_spdxs(self):
        for debian, spdx in (
                ('Expat', 'MIT'), ('BSD-3-clause', 'BSD-3-Clause'),
                ('GPL-2', 'GPL-2.0-only'), ('LGPL-2.1+', 'LGPL-2.1-or-later'),
                ('zlib', 'Zlib')):
            self.assertEqual(self.expression(debian), spdx)

    def test_words_and_commas_group(self):
        self.assertEqual(self.expression('Expat and ISC or GPL-2+'),
                         'MIT AND ISC OR GPL-2.0-or-later')
        self.assertEqual(self.expression('Expat or ISC, and Zlib'),
                         '(MIT OR ISC) AND (Zlib)')

    def test_a_licence_that_spdx_has_no_name_for_comes_with_its_text(self):
        found = self.licence(
            f'{self.HEAD}Files: *\nLicense: odd one\n\n'
            'License: odd one\n Do as you like.\n')
        self.assertEqual(found.expression, 'LicenseRef-p-odd-one')
        self.assertEqual(found.extracted['LicenseRef-p-odd-one'], {
            'licenseId': 'LicenseRef-p-odd-one', 'name': 'odd one',
            'extractedText': ' Do as you like.'})

    def test_prose_is_no_assertion(self):
        self.assertEqual(self.licence('License: Expat').expression,
                         'NOASSERTION')


if __name__ == '__main__':
    unittest.main()
