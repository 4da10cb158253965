"""Create a new environment with `scripts/setup_env.sh --serve`, and print the size of each package.

.venv/bin/python scripts/maintenance/serving_environment.py [PYTHON ...]

It needs the network. The environments are removed at the end. PYTHON is an interpreter of a
supported version, by default the one that runs this script. The exit status is 1 if packages do not
fit together, or if TensorFlow is among them.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_MEGABYTE = 2**20
_SMALLEST = 1.0  # Megabytes; smaller packages are added up.


def main(interpreters):
    """Print a table for each interpreter; return 1 if an environment is not as it must be."""
    return max([_examine(interpreter) for interpreter in interpreters or [sys.executable]])


def _examine(interpreter):
    """Print what an environment for this interpreter contains; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        venv = make(Path(folder), interpreter)
        sizes = dict(package_sizes(next((venv / 'lib').glob('python*/site-packages'))))
        faults = check(venv / 'bin/python', sizes)
        print_table(interpreter, sizes, size_of(venv))
    for fault in faults:
        print(f'error: {fault}')
    return 1 if faults else 0


def make(folder, interpreter):
    """Run setup_env.sh in a copy of what it reads, and return the path of the environment."""
    shutil.copytree(ROOT / 'scripts', folder / 'scripts')
    shutil.copy(ROOT / 'requirements-serve.txt', folder)
    # Compiled modules count, as they do for users.
    settings = {'SLIM_PYTHON': interpreter, 'SLIM_GPU': '0', 'PYTHONDONTWRITEBYTECODE': ''}
    subprocess.run(
        [folder / 'scripts/setup_env.sh', '--serve'], env={**os.environ, **settings}, check=True
    )
    return folder / '.venv'


def check(python, sizes):
    """List what is wrong with the packages of an environment."""
    done = subprocess.run([python, '-m', 'pip', 'check'], capture_output=True, text=True)
    faults = [] if done.returncode == 0 else done.stdout.splitlines()
    return faults + [f'{name} is installed' for name in sizes if name.startswith('tensorflow')]


def package_sizes(directory):
    """Yield (name, bytes on disk) of each package in a site-packages directory."""
    for package in importlib.metadata.distributions(path=[str(directory)]):
        # The whole directories: what was compiled later belongs to them too.
        names = {str(file).split('/', 1)[0] for file in package.files or ()}
        own = names - {'..', '__pycache__'}  # Commands, and modules outside directories.
        yield package.name, sum(size_of(directory / name) for name in own)


def size_of(path):
    """Return the bytes on disk of a file, or of everything below a directory."""
    found = [path, *path.rglob('*')] if path.is_dir() else [path]
    return sum(each.lstat().st_blocks * 512 for each in found if not each.is_dir())


def print_table(interpreter, sizes, total):
    """Print the packages of an environment, the largest first."""
    print(f'{interpreter}:')
    rows = sorted(sizes.items(), key=lambda row: -row[1])
    shown = [row for row in rows if row[1] >= _SMALLEST * _MEGABYTE]
    rest = total - sum(size for _, size in shown)
    for name, size in [*shown, ('all others', rest), ('total', total)]:
        print(f'  {name:<14} {size / _MEGABYTE:6.1f} MB')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
