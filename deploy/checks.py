"""What the tests of deployments share: running commands and waiting for what
they bring about. Whatever goes wrong ends the test with a message."""
import pathlib
import subprocess
import sys
import time

_NAME = str(pathlib.Path(sys.argv[0]).resolve().relative_to(
    pathlib.Path(__file__).resolve().parents[1]))


def say(text):
    print(f'{_NAME}: {text}', flush=True)


def fail(text):
    sys.exit(f'{_NAME}: error: {text}')


def run(*command, **options):
    """Runs a command; returns its output, or ends the test with it."""
    done = subprocess.run([str(part) for part in command], text=True,
                          capture_output=True, check=False, **options)
    if done.returncode != 0:
        fail(f'{" ".join(map(str, command))}\n'
             f'{done.stdout[-3000:]}{done.stderr[-3000:]}')
    return done.stdout


def succeeds(*command, **options):
    return subprocess.run(command, capture_output=True, check=False,
                          **options).returncode == 0


def check(what, condition, detail=''):
    if not condition:
        fail(f'not so: {what} {detail}')
    say(f'{what}: ok {detail}'.rstrip())


def wait_until(what, condition, seconds=120):
    """Polls what has no better way to tell; returns the condition's value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.5)
    return fail(f'{seconds} s without {what}')
