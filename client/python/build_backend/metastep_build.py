"""The PEP 517 backend of this package: makes the stubs and zips a wheel.

The stubs come from the project's protos, by protoc with gRPC's Python plugin
(Debian: protobuf-compiler-grpc), else by grpcio-tools, which pip is asked for.
Code that protoc 3.21 generates runs with every later protobuf; grpcio-tools
generates for its own version, which the wheel then asks for.
"""
import base64
import csv
import hashlib
import importlib.util
import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = HERE / 'metastep'
NUMPY = 'numpy>=1.20'
# What protoc 3.21 and the plugin of gRPC 1.51 generate for.
OLDEST_RUNTIMES = ['grpcio>=1.51', 'protobuf>=3.20']
# Of every entry of an archive, so that the same sources give the same wheel.
EPOCH = (2020, 1, 1, 0, 0, 0)


def _root():
    """Holds proto/ and CMakeLists.txt: the sdist itself, or the repository."""
    for folder in (HERE, HERE.parent.parent):
        if (folder / 'proto' / 'metastep' / 'v1').is_dir():
            return folder
    sys.exit(f'metastep: {HERE} is outside the repository: no proto/ beside '
             'it or two folders above; install from a clone, as in '
             '"pip install ./client/python"')


def _version():
    text = (_root() / 'CMakeLists.txt').read_text(encoding='utf-8')
    return re.search(r'project\(metastep VERSION (\S+)', text).group(1)


def _plugin():
    """gRPC's Python plugin, if protoc is there, too."""
    plugin = shutil.which('grpc_python_plugin')
    return plugin if plugin and shutil.which('protoc') else None


def _compiler():
    """The command that generates, without its outputs and files."""
    plugin = _plugin()
    if plugin:
        return ['protoc', f'--plugin=protoc-gen-grpc_python={plugin}']
    if importlib.util.find_spec('grpc_tools'):
        return [sys.executable, '-m', 'grpc_tools.protoc']
    sys.exit('metastep: neither protoc with grpc_python_plugin nor '
             'grpcio-tools is there; install protobuf-compiler-grpc, or '
             '"pip install grpcio-tools"')


def _make_stubs(out):
    """Writes metastep/v1/*_pb2*.py and .pyi below the folder out."""
    proto = _root() / 'proto'
    files = sorted((proto / 'metastep' / 'v1').glob('*.proto'))
    subprocess.run(
        [*_compiler(), f'-I{proto}', f'--python_out={out}', f'--pyi_out={out}',
         f'--grpc_python_out={out}', *map(str, files)], check=True)
    (out / 'metastep' / 'v1' / '__init__.py').write_text(
        '"""Messages and stubs, generated from proto/metastep/v1."""\n',
        encoding='utf-8')


def _requirements(stubs):
    """numpy, and the runtimes that these stubs need."""
    text = (stubs / 'metastep/v1/step_service_pb2.py').read_text('utf-8')
    protobuf = re.search(r'^# Protobuf Python Version: ([\d.]+)', text,
                         re.MULTILINE)
    text = (stubs / 'metastep/v1/step_service_pb2_grpc.py').read_text('utf-8')
    grpcio = re.search(r"^GRPC_GENERATED_VERSION = '([\d.]+)'", text,
                       re.MULTILINE)
    runtimes = list(OLDEST_RUNTIMES)
    if grpcio:
        runtimes[0] = f'grpcio>={grpcio.group(1)}'
    if protobuf:
        runtimes[1] = f'protobuf>={protobuf.group(1)}'
    return [NUMPY, *runtimes]


def _project():
    """name, description, ... of pyproject.toml: strings of its own lines."""
    text = (HERE / 'pyproject.toml').read_text(encoding='utf-8')
    return dict(re.findall(r'^([\w-]+) = "(.*)"$', text, re.MULTILINE))


def _metadata(requirements):
    project = _project()
    lines = ['Metadata-Version: 2.1', f'Name: {project["name"]}',
             f'Version: {_version()}', f'Summary: {project["description"]}',
             'License: Apache-2.0',
             f'Requires-Python: {project["requires-python"]}',
             *(f'Requires-Dist: {requirement}' for requirement in requirements),
             'Provides-Extra: torch',
             'Requires-Dist: torch>=1.13; extra == "torch"',
             'Description-Content-Type: text/markdown', '',
             (HERE / 'README.md').read_text(encoding='utf-8')]
    return '\n'.join(lines)


def _sources():
    """The package's own files, from HERE."""
    return sorted(path.relative_to(HERE) for path in PACKAGE.rglob('*')
                  if path.is_file() and '__pycache__' not in path.parts)


class _Wheel:
    """A wheel in the making: files and, on close, their RECORD."""

    def __init__(self, path, dist_info):
        self._zip = zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED)
        self._record = io.StringIO()
        self._rows = csv.writer(self._record, lineterminator='\n')
        self._record_name = f'{dist_info}/RECORD'

    def add(self, name, data):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
        self._rows.writerow(
            [name, 'sha256=' + digest.rstrip(b'=').decode(), len(data)])
        self._write(name, data)

    def close(self):
        self._rows.writerow([self._record_name, '', ''])
        self._write(self._record_name, self._record.getvalue().encode())
        self._zip.close()

    def _write(self, name, data):
        entry = zipfile.ZipInfo(name, EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        self._zip.writestr(entry, data)


def get_requires_for_build_wheel(config_settings=None):
    del config_settings
    return [] if _plugin() else ['grpcio-tools']


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    del config_settings, metadata_directory
    version = _version()
    dist_info = f'metastep-{version}.dist-info'
    name = f'metastep-{version}-py3-none-any.whl'
    with tempfile.TemporaryDirectory() as folder:
        stubs = pathlib.Path(folder)
        _make_stubs(stubs)
        wheel = _Wheel(os.path.join(wheel_directory, name), dist_info)
        for path in _sources():
            wheel.add(path.as_posix(), (HERE / path).read_bytes())
        for path in sorted(stubs.rglob('*.py*')):
            wheel.add(path.relative_to(stubs).as_posix(), path.read_bytes())
        wheel.add(f'{dist_info}/METADATA',
                  _metadata(_requirements(stubs)).encode())
        wheel.add(f'{dist_info}/WHEEL',
                  b'Wheel-Version: 1.0\nGenerator: metastep_build\n'
                  b'Root-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.close()
    return name


def build_sdist(sdist_directory, config_settings=None):
    """The sources with the protos beside them."""
    del config_settings
    base = f'metastep-{_version()}'
    root = _root()
    with tarfile.open(os.path.join(sdist_directory, f'{base}.tar.gz'), 'w:gz',
                      format=tarfile.PAX_FORMAT) as archive:
        own = [*_sources(), *map(pathlib.Path, (
            'pyproject.toml', 'README.md', 'build_backend/metastep_build.py'))]
        for path in own:
            archive.add(HERE / path, f'{base}/{path.as_posix()}')
        shared = [root / 'CMakeLists.txt',
                  *sorted((root / 'proto').rglob('*.proto'))]
        for path in shared:
            archive.add(path, f'{base}/{path.relative_to(root).as_posix()}')
        metadata = _metadata([NUMPY, *OLDEST_RUNTIMES]).encode()
        entry = tarfile.TarInfo(f'{base}/PKG-INFO')
        entry.size = len(metadata)
        archive.addfile(entry, io.BytesIO(metadata))
    return f'{base}.tar.gz'
