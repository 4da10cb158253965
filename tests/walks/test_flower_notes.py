"""The flower notes' whole way, script by script: from five folders to a picture on the page.

Inception v4 with random weights, in a checkpoint under the released names.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from datasets.samples import sample_flowers
from support import reference
from support.files import checkpoint_files
from support.network import addresses
from support.network import browser as browsers
from support.shell import programs
from training.jobs import background

PATIENCE_SECS = 200
CLASSES = ['daisy', 'dandelion', 'roses', 'sunflowers', 'tulips']


class User:
    """Stands in a folder, has set the variables of the notes, and types commands."""

    def __init__(self, folder):
        self.folder = folder / 'my work'
        self.folder.mkdir()
        self.settings = {
            'DATASET_NAME': 'my_flower_5',
            'DATASET_DIR': str(folder / 'data/flower'),
            'CHECKPOINT_PATH': str(folder / 'pre_trained/inception_v4.ckpt'),
            'TRAIN_DIR': str(folder / 'my train'),
            'MODEL_NAME': 'inception_v4',
            'EVAL_DIR': str(folder / 'my train/eval'),
            'EXPORT_DIR': '.',
            'UPLOAD_DIR': str(folder / 'upload'),
        }
        self.environment = {**os.environ, **self.settings}
        self._running = contextlib.ExitStack()

    def types(self, script, *flags):
        """Run a script to its end, and return what it says."""
        command = [str(programs.ROOT / 'scripts' / script), *flags]
        return programs.said_by(command, self.folder, self.environment, PATIENCE_SECS)

    def opens(self, script, *flags):
        """Start a script in another window, and return (its process, the file of its output)."""
        output = self.folder / f'{script}.txt'
        with open(output, 'w') as stream:
            process = subprocess.Popen(
                [str(programs.ROOT / 'scripts' / script), *flags],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        self._running.callback(process.wait)
        self._running.callback(process.kill)
        return process, output

    def leaves(self):
        """End whatever still runs."""
        self._running.close()
        if training := background.find_training(self.settings['TRAIN_DIR']):
            os.kill(training[0], signal.SIGKILL)


def wait_for(output, words, is_running):
    """Wait until a file holds something that matches `words`; return the match."""
    give_up = time.monotonic() + PATIENCE_SECS
    while not (match := re.search(words, output.read_text(errors='replace'))):
        assert is_running(), output.read_text()
        assert time.monotonic() < give_up, output.read_text()
        time.sleep(0.05)
    return match


@pytest.fixture
def user(tmp_path):
    user = User(tmp_path)
    yield user
    user.leaves()


def write_released_checkpoint(path):
    """Write what the archive holds: inception_v4 for 1,001 classes."""
    generator = np.random.default_rng(0)

    def value(name, shape):
        if name.endswith('moving_variance'):
            return generator.uniform(0.5, 1.5, shape)
        spread = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
        return generator.normal(0, spread, shape)

    shapes = reference.facts('inception_v4')['model_variables']
    values = {name: value(name, shape).astype(np.float32) for name, shape in shapes.items()}
    checkpoint_files.write(os.path.dirname(path), values, os.path.basename(path), state=False)


@pytest.mark.soak  # test_readme.py walks the same way with a small network.
def test_the_flower_notes_work_script_by_script(user, tmp_path):
    pictures = Path(user.settings['DATASET_DIR']) / 'my_flower_5'
    sample_flowers.write_pictures(pictures, 5)
    convert, converted = user.opens('convert_tfrecord.sh', '--validation_percentage=20')
    write_released_checkpoint(user.settings['CHECKPOINT_PATH'])
    assert convert.wait(PATIENCE_SECS) == 0, converted.read_text()
    labels = (pictures.parent / 'labels.txt').read_text()
    assert labels.split() == [f'{number}:{name}' for number, name in enumerate(CLASSES)]

    # The steps on cached features are quick, and the training is stopped below.
    endless = ('--max_number_of_steps=100000000', '--log_every_n_steps=1000')
    user.types('run_train.sh', '--batch_size=2', *endless)
    evaluation, evaluated = user.opens('run_eval.sh', '--batch_size=4', '--eval_interval_secs=1')
    port = addresses.free_addresses(1)[0].split(':')[1]
    user.opens('tensorboard.sh', '--host=127.0.0.1', f'--port={port}')
    log = user.folder / 'output.log'
    weights = re.escape(user.settings['CHECKPOINT_PATH'])
    words = rf'Fine-tuning from {weights}\n(.|\n)*global step 1000: loss = \d'
    wait_for(log, words, lambda: background.find_training(user.settings['TRAIN_DIR']))
    words = r'eval/Accuracy\[(.|\n)*Waiting for new checkpoint at .*my train'
    wait_for(evaluated, words, lambda: evaluation.poll() is None)
    wait_for_both_runs(port)
    evaluation.terminate()

    stopped = user.types('stop_train.sh')
    step = re.search(r'newest checkpoint: .*/model\.ckpt-(\d+)$', stopped, re.MULTILINE)[1]
    assert int(step) > 0
    assert 'Stopped on request' in log.read_text()

    said = user.types('export_freeze.sh')
    assert f'model.ckpt-{step}' in said
    names = {path.name for path in user.folder.glob('my_inception_v4*')}
    frozen = {f'my_inception_v4_freeze.{kind}' for kind in ('pb', 'onnx', 'label', 'json')}
    assert names == frozen | {'my_inception_v4.pb', 'my_inception_v4.json'}
    upload(user, pictures / 'roses/sample_00000.jpg', tmp_path / 'profile')


def wait_for_both_runs(port):
    """Ask TensorBoard until it shows the curves of the training and of the evaluation."""
    give_up = time.monotonic() + PATIENCE_SECS
    while True:
        with contextlib.suppress(OSError):
            address = f'http://127.0.0.1:{port}/data/runs'
            with urllib.request.urlopen(address, timeout=30) as answer:
                if set(json.load(answer)) == {'.', 'eval'}:
                    return
        assert time.monotonic() < give_up
        time.sleep(0.2)


def upload(user, picture, profile):
    """Give a picture to the page as a person does, and look at the bars."""
    flags = ('--host=127.0.0.1', '--port=0', '--max_concurrency=1')
    server, said = user.opens('server.sh', *flags)
    missing = browsers.missing()

    def is_running():
        return server.poll() is None

    if missing and os.environ.get('CI') != 'true':
        wait_for(said, 'http://127.0.0.1:', is_running)
        pytest.skip(f'all but the upload was tried: not installed: {missing}')
    profile.mkdir()
    with contextlib.closing(browsers.Browser(profile)) as page:
        page.open(wait_for(said, r'http://127\.0\.0\.1:\d+/', is_running)[0])
        page.type('#pictures', str(picture))
        page.wait_until('return document.querySelectorAll(".card .label").length == 5')
        assert sorted(page.texts('.card .label')) == CLASSES
        percents = [float(text.rstrip('%')) for text in page.texts('.card .percent')]
    assert percents == sorted(percents, reverse=True)
    assert sum(percents) == pytest.approx(100, abs=0.5)
    assert len(list(Path(user.settings['UPLOAD_DIR']).rglob('*.jpg'))) == 1
    server.terminate()
    assert server.wait(PATIENCE_SECS) == 0, said.read_text()
