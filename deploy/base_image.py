"""A base image of Debian for a Docker engine."""
import shutil
import subprocess
import tempfile

from checks import fail, run, say, succeeds


def ensure_base(codename='bookworm'):
    """The slim image of that release of Debian, which is pulled or, where no
    registry can be reached, made by debootstrap. Returns its name."""
    image = f'debian:{codename}-slim'
    if succeeds('docker', 'image', 'inspect', image):
        return image
    if succeeds('docker', 'pull', image):
        return image
    say(f'no registry in reach: debootstrap makes {image}')
    if not shutil.which('debootstrap'):
        fail(f'install debootstrap, or pull {image}')
    with tempfile.TemporaryDirectory() as root:
        run('debootstrap', '--variant=minbase', codename, root)
        archive = subprocess.Popen(['tar', '-C', root, '-c', '.'],
                                   stdout=subprocess.PIPE)
        run('docker', 'import', '-', image, stdin=archive.stdout)
    return image
