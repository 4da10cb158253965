"""The scripts as people type them: folders, interpreters, signals. Programs are stand-ins."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from support.shell.script_checkout import ROOT, Checkout, write_python


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


CASES = {
    'classify.sh': ('classify_image.py', '--model={home}/train/my_flower_5_inception_v4'),
    'convert_tfrecord.sh': ('download_and_convert_data.py', '--dataset_name=my_flower_5'),
    'run_eval.sh': ('eval_image_classifier.py', '--dataset_name=my_flower_5'),
    'tensorboard.sh': ('main.py', '--logdir={home}/train/my_flower_5_inception_v4'),
}


@pytest.mark.parametrize('script', CASES)
def test_scripts_call_their_program_from_any_folder(checkout, script):
    program, flag = CASES[script]
    (call,) = checkout.calls(script, '--more=a b', 'x y.jpg')
    assert call['program'] == program
    assert call['flags'][0] == flag.format(home=checkout.home)
    assert call['flags'][-2:] == ['--more=a b', 'x y.jpg']
    assert call['folder'] == str(checkout.here)
    assert call['python'] == str(checkout.root / '.venv/bin/python')


def test_a_script_is_the_program_that_it_starts(checkout):
    """A signal or a `kill` of the script's process reaches the program."""
    (checkout.here / 'my_inception_v4_freeze.pb').touch()
    with checkout.start('server.sh') as started:
        assert started.wait(60) == 0
    (call,) = checkout.recorded_calls()
    assert call['process'] == started.pid


@pytest.mark.parametrize(
    ('script', 'flag'), [('classify.sh', '--model'), ('server.sh', '--model_name')]
)
def test_an_onnx_file_is_used_where_it_is_alone(checkout, script, flag):
    model = './my_inception_v4_freeze'
    for ending in ('.onnx', '.pb'):
        (checkout.here / f'{model}{ending}').touch()
        (call,) = checkout.calls(script)
        assert f'{flag}={model}{ending}' in call['flags']


def test_a_failed_program_ends_the_script_with_its_status(checkout):
    (checkout.root / 'download_and_convert_data.py').write_text('raise SystemExit(7)')
    done = checkout.run('convert_tfrecord.sh')
    assert (done.returncode, done.stdout, done.stderr) == (7, '', '')


def test_export_and_freeze_run_one_after_the_other(checkout):
    done = checkout.run('export_freeze.sh', '--output_file=~/x.pb')
    assert (done.returncode, done.stderr) == (0, '')
    assert [call['program'] for call in checkout.recorded_calls()] == [
        'export_inference_graph.py',
        'freeze_graph.py',
    ]
    assert os.path.exists(checkout.home / 'x.json')
    lines = done.stdout.splitlines()
    assert lines[0] == f'the network:        {checkout.home}/x.pb'
    assert lines[-1] == f"next: '{checkout.root}/scripts/server.sh'"


def test_a_mistake_is_one_line(checkout):
    done = checkout.run('server.sh')
    assert done.returncode == 1
    assert done.stderr.startswith('error: ./my_inception_v4_freeze.pb: no such file; ')
    assert done.stderr.count('\n') == 1


def test_a_python_that_is_too_old_is_named(checkout):
    python = checkout.root / '.venv/bin/python'
    python.write_text(
        f'#!/bin/sh\nshift\ncode=$(printf "import sys; sys.version_info = (3, 9)\\n%s" "$1")\n'
        f'shift\nexec "{sys.executable}" -c "$code" "$@"\n'
    )
    done = checkout.run('classify.sh')
    assert (done.returncode, done.stderr) == (
        1,
        'error: Python 3.10 or newer is needed; scripts/setup_env.sh makes an environment\n',
    )


@pytest.mark.parametrize(
    ('script', 'program'), [('run_train.sh', 'train_image_classifier.py'), ('setup_env.sh', None)]
)
def test_help_is_the_scripts_usage_and_then_the_programs(checkout, script, program):
    for flag in ('--help', '-h'):
        done = checkout.run(script, flag, CHECKPOINT_PATH='/none')
        assert (done.returncode, done.stderr) == (0, '')
        assert re.search(rf'^  scripts/{script}( |$)', done.stdout, re.MULTILINE)
        assert 'set -euo' not in done.stdout
    calls = [(call['program'], call['flags']) for call in checkout.recorded_calls()]
    assert calls == ([(program, ['--help']), (program, ['-h'])] if program else [])
    assert os.listdir(checkout.here) == []


def test_ctrl_c_while_tensorboard_starts_leaves_no_traceback(checkout, tmp_path):
    main = tmp_path / 'packages/tensorboard/main.py'
    main.write_text('import time\nprint("starting", flush=True)\ntime.sleep(60)\n')
    with checkout.start('tensorboard.sh') as started:
        assert started.stdout.readline() == b'starting\n'
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 130
        assert started.stderr.read() == b''


def test_an_exported_cdpath_leads_no_script_astray(checkout):
    (checkout.home / 'scripts').mkdir()
    done = subprocess.run(
        ['bash', 'scripts/tensorboard.sh'],
        cwd=checkout.root,
        env={**checkout.environment, 'CDPATH': str(checkout.home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, '')
    assert [call['python'] for call in checkout.recorded_calls()] == [
        f'{checkout.root}/.venv/bin/python'
    ]
    # The others find the checkout in the same way, by sourcing the one that knows how.
    for path in (ROOT / 'scripts').glob('*.sh'):
        assert path.name == 'common.sh' or 'cd "$(dirname' not in path.read_text(), path


def test_without_an_environment_of_its_own_the_scripts_take_python3(checkout, tmp_path):
    shutil.rmtree(checkout.root / '.venv')
    write_python(tmp_path / 'bin/python3')
    path = f'{tmp_path}/bin:{checkout.environment["PATH"]}'
    (call,) = checkout.calls('convert_tfrecord.sh', PATH=path)
    assert call['python'] == f'{tmp_path}/bin/python3'


@pytest.mark.parametrize('shell', ['bash', 'dash', 'zsh'])
def test_users_own_scripts_read_the_settings(checkout, shell):
    if not shutil.which(shell):
        pytest.skip(f'no {shell} here')
    settings = checkout.root / 'scripts/env_set.sh'
    command = f'set -eu; . "{settings}"; python3 -c "import os; print(os.environ[\'TRAIN_DIR\'])"'
    done = subprocess.run(
        [shell, '-c', command], env=checkout.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f'{checkout.home}/train/my_flower_5_inception_v4\n'
    assert done.stderr == ''


# Of bash 4 and later, or of GNU's tools alone: a Mac has neither.
TOO_NEW = {
    'associative array': r'\b(declare|local|typeset) -[a-z]*A',
    'reading into an array': r'\b(mapfile|readarray)\b',
    'change of case': r'\$\{\w+(,,?|\^\^?)[^}]*\}',
    'name reference': r'\b(declare|local) -n\b',
    'negative index': r'\$\{\w+\[-\d',
    'both streams': r'&>>|\|&',
    'sed in place': r'\bsed -[a-zA-Z]*i',
    'readlink -f': r'\b(readlink -f|realpath)\b',
    'long option of a GNU tool': r'\b(ls|cp|mv|rm|sort|date|stat|du|ps) --\w',
    'perl expressions': r'\bgrep -[a-zA-Z]*P',
    'clock': r'\bdate [^)]*%N',
}


@pytest.mark.parametrize('what', TOO_NEW)
def test_bash_3_and_bsd_tools_suffice(what):
    scripts = sorted((ROOT / 'scripts').glob('*.sh'))
    assert len(scripts) > 10
    lines = [
        f'{path.name}:{number}: {line.strip()}'
        for path in scripts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if not line.lstrip().startswith('#') and re.search(TOO_NEW[what], line)
    ]
    assert lines == []
