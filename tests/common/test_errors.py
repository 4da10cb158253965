import os
import subprocess
import sys

import pytest

from common import errors
from common.errors import UserError, exit_cleanly


def test_a_user_error_is_one_line_and_status_1(capsys):
    @exit_cleanly
    def main():
        raise UserError('--batch_size=0: a whole number above 0')

    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 'error: --batch_size=0: a whole number above 0'


def test_other_errors_keep_their_traceback():
    @exit_cleanly
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main()


def test_a_missing_package_of_the_full_environment_is_one_line():
    @exit_cleanly
    def main():
        raise ModuleNotFoundError("No module named 'tensorflow'", name='tensorflow')

    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 'error: TensorFlow is not installed; run scripts/setup_env.sh'


@pytest.mark.parametrize('name', ['tensorflow.python', 'training.mistyped'])
def test_a_missing_module_of_any_other_name_keeps_its_traceback(name):
    @exit_cleanly
    def main():
        raise ModuleNotFoundError(f'No module named {name!r}', name=name)

    with pytest.raises(ModuleNotFoundError):
        main()


def test_a_reader_that_leaves_early_causes_no_traceback():
    program = (
        'from common.errors import exit_cleanly\n'
        'exit_cleanly(lambda: [print("a line") for _ in range(100_000)])()\n'
    )
    with subprocess.Popen(
        [sys.executable, '-c', program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b'a line\n'
        process.stdout.close()
        assert process.stderr.read() == b''


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='needs a device that is always full')
@pytest.mark.parametrize(
    'body',
    [
        'print("a line")',
        'print("a line", flush=True)',
        '[print("a line") for _ in range(100_000)]',
        '[print("a line"), sys.exit(0)]',
    ],
)
@pytest.mark.parametrize('unbuffered', ['', '1'])
def test_a_full_disk_behind_standard_output_is_one_line(body, unbuffered):
    program = (
        f'import sys\nfrom common.errors import exit_cleanly\nexit_cleanly(lambda: {body})()\n'
    )
    with open('/dev/full', 'w') as full:
        done = subprocess.run(
            [sys.executable, '-c', program],
            env={**os.environ, 'PYTHONUNBUFFERED': unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.stderr == 'error: standard output: No space left on device\n'
    assert done.returncode == 1


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (OSError(28, 'No space left on device'), 'No space left on device'),
        (RuntimeError('Graph execution error:\n\nDetected at node\nmore'), 'Detected at node'),
        (
            RuntimeError("Graph execution error:\n\nDetected at node 'a':\nNode: 'a'\nNo value\n"),
            'No value',
        ),
        (KeyError(), 'KeyError'),
    ],
)
def test_the_reason_of_an_error_is_one_line(error, said):
    assert errors.reason(error) == said
