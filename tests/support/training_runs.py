"""Small training runs inside the test's own process, on a few drawn pictures."""

import fcntl
import os
import re
import subprocess
import sys
import time

import numpy as np
import tensorflow.compat.v1 as tf

from classifiers import watch
from datasets.samples import painters
from support import families
from support.checkout import ROOT
from support.files import records
from support.shell import foreign_lines
from training import train
from training.options import TrainOptions

DATASET = 'drawn'
CLASSES = painters.KINDS
SCRIPT = ROOT / 'train_image_classifier.py'
SIZES = {'train': 60, 'validation': 30}


def pictures(directory):
    """Write the records once for all test processes, and return their directory."""
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, '.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(directory, 'labels.txt')):
            for split, size in SIZES.items():
                path = os.path.join(directory, f'{DATASET}_{split}_00000-of-00001.tfrecord')
                records.write(path, [_example(split, number) for number in range(size)])
            with open(os.path.join(directory, 'labels.txt'), 'w') as stream:
                stream.writelines(f'{n}:{name}\n' for n, name in enumerate(CLASSES))
    return str(directory)


def _example(split, number):
    label = number % len(CLASSES)
    data = painters.draw_flower(CLASSES[label], f'{split}/{number}')
    return records.example(data, label, f'{number}.jpg')


def steps_in(text):
    """List the steps in a log."""
    return [int(step) for step in re.findall(r'INFO:tensorflow:global step (\d+): loss', text)]


class Runs:
    """Start runs on the drawn pictures; the arguments override small defaults."""

    def __init__(self, dataset_dir, directory):
        self.dataset_dir = dataset_dir
        self.directory = str(directory)
        self._processes = []

    def flags(self, name='run', **typed):
        """Return all flags of a run in the train_dir `name`."""
        return {
            'dataset_dir': self.dataset_dir,
            'dataset_name': DATASET,
            'train_dir': self.path(name),
            'model_name': 'lenet',
            'batch_size': 4,
            'learning_rate': 0.001,
            'optimizer': 'sgd',
            'save_summaries_secs': 0,
            **typed,
        }

    def path(self, name='run'):
        return os.path.join(self.directory, name)

    def train(self, name='run', **typed):
        """Train in this process, and return the exit status."""
        with families.enough_values_for_batch_norms():
            return train.train(TrainOptions(**self.flags(name, **typed)))

    def start(self, name='run', **typed):
        """Start train_image_classifier.py as a process that logs to `name`.log."""
        flags = {k: v for k, v in self.flags(name, **typed).items() if v is not None}
        command = [sys.executable, '-u', str(SCRIPT), *(f'--{k}={v}' for k, v in flags.items())]
        with open(self.path(f'{name}.log'), 'ab') as log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=foreign_lines.users_environment(),
            )
        self._processes.append(process)
        return process

    def end(self):
        """Kill processes that a failed test left running."""
        for process in self._processes:
            process.kill()
            process.wait()

    def log(self, name='run'):
        """Return the log of a process."""
        with open(self.path(f'{name}.log'), encoding='utf-8', errors='replace') as stream:
            return stream.read()

    def wait_for(self, process, words, name='run', seconds=120):
        """Wait until the log of a process matches `words`, and return the match."""
        deadline = time.monotonic() + seconds
        while not (match := re.search(words, self.log(name))):
            assert process.poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.05)
        return match

    def newest(self, name='run'):
        """Return the newest good checkpoint of a train_dir."""
        return watch.newest_good(self.path(name))


def variables(checkpoint):
    """Read all that a checkpoint holds into {name: array}."""
    reader = tf.train.NewCheckpointReader(getattr(checkpoint, 'path', checkpoint))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def different(one, other):
    """List the variables in which two checkpoints differ in any bit."""
    one, other = variables(one), variables(other)
    assert one.keys() == other.keys()
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]


def is_finite(checkpoint):
    """Return whether all values of a checkpoint are finite."""
    return all(
        np.isfinite(value).all()
        for value in variables(checkpoint).values()
        if value.dtype.kind == 'f'
    )
