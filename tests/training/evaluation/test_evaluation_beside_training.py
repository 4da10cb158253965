"""An evaluator that watches from a process of its own, while checkpoints come, go and break."""

import contextlib
import csv
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from classifiers import checkpoints
from support.checkout import ROOT
from support.files import checkpoint_files

DATA = '.data-00000-of-00001'
PATIENCE_SECS = 120


class Watcher:
    """The evaluating program on a train_dir, for the length of a `with` block."""

    def __init__(self, runs, eval_dir, *flags):
        self.eval_dir = eval_dir
        self.command = [
            sys.executable,
            'eval_image_classifier.py',
            f'--checkpoint_path={runs.path()}',
            f'--dataset_dir={runs.dataset_dir}',
            f'--eval_dir={eval_dir}',
            '--eval_interval_secs=0',
            *flags,
        ]

    def __enter__(self):
        self.log = open(f'{self.eval_dir}.log', 'w+')
        self.process = subprocess.Popen(
            self.command, cwd=ROOT, stdout=self.log, stderr=subprocess.STDOUT
        )
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def steps(self):
        """List the steps that were evaluated so far."""
        try:
            with open(self.eval_dir / 'metrics.csv', newline='') as stream:
                return [int(row['step']) for row in csv.DictReader(stream)]
        except FileNotFoundError:
            return []

    def wait_for(self, step):
        give_up = time.monotonic() + PATIENCE_SECS
        while step not in self.steps():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < give_up, self.output()
            time.sleep(0.05)

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def end(self):
        """Wait until the program ends by itself, and return its status and its output."""
        return self.process.wait(PATIENCE_SECS), self.output()


@pytest.mark.soak  # test_evaluation_watching.py shows the same in one process.
def test_each_good_checkpoint_is_evaluated_once_while_others_break(runs, tmp_path):
    runs.train(max_number_of_steps=2, save_interval_secs=0)
    with Watcher(runs, tmp_path / 'eval', '--max_evaluations=3') as watcher:
        watcher.wait_for(2)
        broken = f'{runs.path()}/model.ckpt-3'
        for ending in ('.index', DATA):
            shutil.copyfile(f'{runs.path()}/model.ckpt-2{ending}', broken + ending)
        checkpoint_files.truncate(broken + DATA)
        for path in checkpoints.files_of(f'{runs.path()}/model.ckpt-2'):
            os.unlink(path)
        runs.train(max_number_of_steps=5, save_interval_secs=0)
        watcher.wait_for(5)
        shutil.rmtree(runs.path())
        runs.train(max_number_of_steps=5, save_interval_secs=0, seed=1)
        status, output = watcher.end()
    assert status == 0, output
    assert 'Traceback' not in output
    assert output.count('eval/Accuracy[') == 3
    # Of the restarted run the first checkpoint or, if that went unseen, the last.
    assert watcher.steps() in ([2, 5, 0], [2, 5, 5])
    assert f'Waiting for new checkpoint at {runs.path()}' in output


@pytest.mark.soak
@pytest.mark.parametrize('seed', [1, 2, 3])
def test_a_running_training_is_followed_whatever_happens_to_its_files(runs, tmp_path, seed):
    choose = random.Random(seed)
    typed = {'max_number_of_steps': 4000, 'save_interval_steps': 100, 'keep_checkpoints': 3}
    flags = [f'--{name}={value}' for name, value in runs.flags(**typed).items()]
    command = [sys.executable, 'train_image_classifier.py', *flags]
    with Watcher(runs, tmp_path / 'eval', '--timeout_secs=20') as watcher:
        training = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while training.poll() is None:
            time.sleep(choose.uniform(0.2, 1.0))
            found = sorted(Path(runs.path()).glob('model.ckpt-*.index'))
            if found:
                prefix = str(choose.choice(found)).removesuffix('.index')
                if choose.random() < 0.5:
                    damage(prefix + DATA)
                else:
                    Path(prefix + DATA).unlink(missing_ok=True)
        assert training.returncode == 0
        status, output = watcher.end()
    assert status == 0, output
    assert 'Traceback' not in output
    steps = watcher.steps()
    assert len(steps) == len(set(steps)) == output.count('eval/Accuracy[') > 0


def damage(path):
    with contextlib.suppress(FileNotFoundError):
        checkpoint_files.truncate(path)
