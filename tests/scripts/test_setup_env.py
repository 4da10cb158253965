"""setup_env.sh: which packages it installs, and when there is nothing to do. pip is a stand-in."""

import os
import subprocess
import sys

import pytest

from support.shell import script_checkout

_RECORD = """
import os, sys
with open(os.environ['INSTALLED'], 'a') as stream:
    stream.write(' '.join(os.path.basename(word) for word in sys.argv[1:]) + '\\n')
sys.exit('no network' if os.environ.get('BROKEN') else 0)
"""
ALL, SERVE, DEV, GPU = (
    f'requirements{name}.txt' for name in ('', '-serve', '-dev', '-gpu')
)  # fmt: skip


class Environment:
    """The environment of a checkout: its Python exists, and pip records what it would install."""

    def __init__(self, folder):
        self.checkout = script_checkout.Checkout(folder)
        self.venv = self.checkout.root / '.venv'
        (self.venv / 'lib').mkdir()
        for name in (ALL, SERVE, DEV, GPU):
            (self.checkout.root / name).write_text(f'{name} 1\n')
        pip = folder / 'packages/pip'
        pip.mkdir()
        (pip / '__init__.py').write_text('')
        (pip / '__main__.py').write_text(_RECORD)
        self.record = folder / 'installed'

    def setup(self, *arguments, **settings):
        """Run the script, and return the files of requirements that it installed."""
        self.record.write_text('')
        done = self.run(*arguments, **settings)
        assert done.returncode == 0, done.stderr
        return [word for word in self.record.read_text().split() if word.startswith('requirements')]

    def run(self, *arguments, **settings):
        return self.checkout.run('setup_env.sh', *arguments, INSTALLED=str(self.record), **settings)

    def change(self, name):
        (self.checkout.root / name).write_text(f'{name} 2\n')


@pytest.fixture
def environment(tmp_path):
    return Environment(tmp_path)


def test_each_environment_has_its_own_packages(environment):
    assert environment.setup('--serve') == [SERVE]
    assert environment.setup('--serve') == []
    # Without the argument it is completed, and then it is enough for everything.
    assert environment.setup() == [ALL]
    assert environment.setup('--serve') == environment.setup() == []
    assert environment.setup('--dev') == [ALL, DEV]
    assert environment.setup('--serve') == environment.setup() == environment.setup('--dev') == []
    assert environment.setup(SLIM_GPU='1') == [ALL, GPU]


def test_a_change_of_the_requirements_updates_the_environment(environment):
    environment.setup('--serve')
    environment.change(ALL)
    assert environment.setup('--serve') == []
    environment.change(SERVE)
    assert environment.setup('--serve') == [SERVE]


def test_a_complete_environment_is_never_reduced(environment):
    """Otherwise TensorFlow would remain beside newer versions of what it requires."""
    environment.setup()
    environment.change(ALL)
    environment.change(SERVE)
    assert environment.setup('--serve') == [ALL]
    assert environment.setup() == []


def test_an_interrupted_installation_is_repeated(environment):
    done = environment.run('--serve', BROKEN='1')
    assert done.returncode == 1
    assert done.stderr.endswith(
        'error: the packages could not be installed (see above); run the same command again to '
        'continue\n'
    )
    assert environment.setup('--serve') == [SERVE]


@pytest.mark.parametrize(
    ('arguments', 'settings', 'message'),
    [
        (['--serve', '--dev'], {}, 'pass either --serve or --dev: the tests need all packages'),
        (['--serve'], {'SLIM_GPU': '1'}, 'SLIM_GPU=1 is for TensorFlow, which --serve leaves out'),
        (['--server'], {}, "unknown argument '--server'; must be --dev or --serve"),
    ],
)
def test_a_mistake_is_one_line_and_installs_nothing(environment, arguments, settings, message):
    done = environment.run(*arguments, **settings)
    assert (done.returncode, done.stdout, done.stderr) == (1, '', f'error: {message}\n')
    assert not environment.record.exists()


@pytest.mark.soak
def test_only_what_programs_import_is_compiled(environment, tmp_path):
    subprocess.run([sys.executable, '-m', 'venv', '--clear', environment.venv], check=True)
    packages = next((environment.venv / 'lib').glob('python*/site-packages'))
    for folder in ('flask', 'flask/tests', 'sympy'):
        (packages / folder).mkdir()
        (packages / folder / '__init__.py').write_text('')
    environment.setup('--serve', PYTHONDONTWRITEBYTECODE='')
    compiled = {path.parts[len(packages.parts)] for path in packages.rglob('__pycache__/*')}
    assert 'flask' in compiled
    assert 'sympy' not in compiled
    assert os.listdir(packages / 'flask/tests') == ['__init__.py']
