"""scripts/quickstart.sh as people type it: programs are stand-ins, but real with --soak."""

import json
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from datasets.samples import sample_flowers
from support.checkout import ROOT
from support.files import checkpoint_files, small_models
from support.shell.quickstart_programs import STEPS, read_calls, write_programs
from support.shell.script_checkout import Checkout


@pytest.fixture
def checkout(tmp_path):
    checkout = Checkout(tmp_path)
    write_programs(checkout.root)
    checkout.environment['EDITION'] = 'first'
    return checkout


def test_a_stopped_run_is_resumed(checkout):
    work = checkout.here / 'the work'
    typed = ('quickstart.sh', '--no_serve', f'--dir={work}')
    with checkout.start(*typed, text=True, WAITS='train_image_classifier') as process:
        while not (work / 'train' / 'begun').exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 143
    assert errors == 'stopped; run the same command again to resume\n'
    assert output.splitlines()[0] == 'ready'
    assert (work / 'train' / 'saved').exists()
    checkout.calls_file.unlink()
    (work / 'pictures' / 'a').mkdir(parents=True)  # Drawing needs the real packages.
    done = checkout.run(*typed)
    assert (done.returncode, done.stderr) == (0, '')
    assert [call[0] for call in read_calls(checkout.calls_file)] == STEPS
    assert (work / 'train' / 'saved').exists()


def test_where_no_weights_can_be_fetched_one_line_says_so(checkout):
    (checkout.here / 'pictures/a').mkdir(parents=True)
    mirror = checkout.here / 'mirror'
    typed = ('quickstart.sh', '--no_serve', '--images=pictures', '--dir=work')
    done = checkout.run(*typed, SLIM_CHECKPOINT_MIRROR=str(mirror))
    assert (done.returncode, done.stderr) == (0, '')
    archive = f'{mirror}/mobilenet_v1_1.0_224_2017_06_14.tar.gz'
    port = f'{mirror}/mobilenet_1_0_224_tf.h5'
    assert done.stdout.splitlines()[:3] == [
        'ready',
        f'no released weights ({archive}: No such file or directory; {port}: No such file or '
        'directory): training from random weights',
        f'[1/7] convert {checkout.here}/pictures',
    ]


def test_where_python3_is_too_old_the_environment_is_made_first(checkout, tmp_path):
    own = checkout.root / '.venv/bin/python'
    own.rename(tmp_path / 'python')
    old = tmp_path / 'bin/python3'
    old.parent.mkdir()
    old.write_text('#!/bin/sh\nexit 1\n')
    old.chmod(0o755)
    setup = f'#!/bin/sh\necho ready\ncp "{tmp_path}/python" "{own}"\n'
    (checkout.root / 'scripts/setup_env.sh').write_text(setup)
    path = f'{old.parent}:{checkout.environment["PATH"]}'
    help = checkout.run('quickstart.sh', '--help', PATH=path)
    assert help.stdout.startswith('From a fresh checkout to a served classifier')
    assert checkout.run('quickstart.sh', '--no_setup', PATH=path).returncode == 1
    done = checkout.run('quickstart.sh', '--images=nowhere', PATH=path)
    assert done.stdout == 'ready\n'
    assert done.stderr.startswith('error: --images=nowhere: no such folder')


@pytest.mark.soak  # test_readme.py does the same steps one by one.
def test_a_few_own_pictures_for_real(tmp_path):
    """Two folders with a space in their path, one of the pictures broken."""
    images = tmp_path / 'my pictures'
    sample_flowers.write_pictures(str(images), 12, kinds=sample_flowers.CLASS_NAMES[:2])
    (images / sample_flowers.CLASS_NAMES[0] / 'broken.jpg').write_bytes(b'not one')
    command = [ROOT / 'scripts' / 'quickstart.sh', '--no_setup', '--no_serve']
    command += ['--images', images, '--dir', tmp_path / 'the work', '--steps', '20']
    command += ['--weights', 'none']
    done = subprocess.run(
        command,
        cwd=tmp_path,
        # Where there is no .venv, this interpreter is the one to take.
        env={**os.environ, 'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    match = re.fullmatch(r'quickstart: validation accuracy ([01]\.\d{4}), \d+ s', last)
    metrics = json.loads((tmp_path / 'the work' / 'eval' / 'metrics.json').read_text())
    assert float(match[1]) == pytest.approx(metrics['accuracy'], abs=1e-4)
    description = json.loads((tmp_path / 'the work/model/my_pictures.json').read_text())
    assert description['class_names'] == list(sample_flowers.CLASS_NAMES[:2])
    for name in description['class_names']:
        assert re.search(rf'{images}/{name}/sample_\d+\.jpg +\d+\.\d+% ', done.stdout)


@pytest.mark.soak
def test_released_weights_for_real(tmp_path):
    """From a folder of archives; the weights are random, but all programs are the real ones."""
    images, mirror, name = tmp_path / 'pictures', tmp_path / 'mirror', 'mobilenet_v1_1.0_224'
    sample_flowers.write_pictures(str(images), 12, kinds=sample_flowers.CLASS_NAMES[:2])
    values = small_models.values(small_models.describe('mobilenet_v1', 224, range(1001)))
    checkpoint_files.write(tmp_path / 'made', values, f'{name}.ckpt', state=False)
    mirror.mkdir()
    with tarfile.open(mirror / f'{name}_2017_06_14.tar.gz', 'w:gz', compresslevel=1) as archive:
        archive.add(tmp_path / 'made', '.')
    command = [ROOT / 'scripts' / 'quickstart.sh', '--no_setup', '--no_serve']
    command += ['--images', images, '--dir', tmp_path / 'work']
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={
            **os.environ,
            'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            'HOME': str(tmp_path),
            'SLIM_CHECKPOINT_MIRROR': str(mirror),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    path = f'{tmp_path}/pre_trained/{name}/{name}.ckpt'
    assert done.stdout.startswith(f'weights: {path} (')
    description = json.loads((tmp_path / 'work/model/my_pictures.json').read_text())
    assert (description['model_name'], description['image_size']) == ('mobilenet_v1', 224)
    assert description['weights_source'] == path
    assert 'validation accuracy' in done.stdout.splitlines()[-1]
