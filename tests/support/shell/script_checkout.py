"""A checkout with the real shell scripts, whose programs only record how they were called."""

import json
import os
import shutil
import subprocess
import sys

from support.checkout import ROOT

PROGRAMS = (
    'classify_image.py',
    'download_and_convert_data.py',
    'eval_image_classifier.py',
    'export_inference_graph.py',
    'freeze_graph.py',
    'server.py',
)
# The directories that the programs of the scripts need.
_COPIED = (
    'scripts', 'classifiers', 'common', 'datasets', 'heads', 'nets', 'preprocessing', 'training',
    'weights',
)  # fmt: skip
# The settings of env_set.sh that the caller of the tests may have in the environment.
_SETTINGS = (
    'DATASET_', 'MODEL_', 'PRETRAINED_', 'CHECKPOINT_', 'TRAIN_', 'EVAL_', 'EXPORT_', 'UPLOAD_',
    'PYTHON',
)  # fmt: skip

_TELL = """
import json, os, sys
record = {'program': os.path.basename(sys.argv[0]), 'flags': sys.argv[1:], 'folder': os.getcwd(),
          'process': os.getpid(), 'python': os.environ.get('STARTED_AS')}
with open(os.environ['CALLS'], 'a') as stream:
    stream.write(json.dumps(record) + '\\n')
flags = dict(flag.lstrip('-').split('=', 1) for flag in sys.argv[1:] if '=' in flag)
if {'-h', '--help'} & set(sys.argv):
    sys.exit()
"""
# Locks, waits for SIGTERM and saves, as the real one does.
_TRAIN = """
import fcntl, signal
if flags['batch_size'] == '0':
    sys.exit('error: --batch_size=0: must be at least 1')
train_dir = os.path.expanduser(flags['train_dir'])
lock = open(train_dir + '/train.lock', 'w')
fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
lock.write(f'{os.getpid()}\\n')
lock.flush()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
name = 'status_worker_1.json' if flags.get('task') == '1' else 'status.json'
with open(f'{train_dir}/{name}', 'w') as stream:
    json.dump({'state': 'training', 'process': os.getpid()}, stream)
print('INFO:tensorflow:Training a stand-in', flush=True)
signal.sigwait([signal.SIGTERM])
with open(train_dir + '/checkpoint', 'w') as stream:
    stream.write('model_checkpoint_path: "model.ckpt-7"\\n')
print('INFO:tensorflow:Stopped on request', flush=True)
"""
_EXPORT = """
from classifiers import model_info
if 'summarize' in flags:
    sys.exit()
with open(model_info.beside_graph(os.path.expanduser(flags['output_file'])), 'w') as stream:
    json.dump({'nodes': {'output': 'Net/Predictions'}}, stream)
"""


def write_python(path):
    """Write an interpreter that records in STARTED_AS that it was used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nSTARTED_AS="$0" exec "{sys.executable}" "$@"\n')
    path.chmod(0o755)


def clean_environment():
    """Return the environment without settings of the caller."""
    return {k: v for k, v in os.environ.items() if not k.startswith(_SETTINGS)}


class Checkout:
    """Scripts to be called from `here`, with a home of its own; paths have spaces in them."""

    def __init__(self, folder):
        self.root = folder / 'a checkout'
        self.here = folder / 'where I stand'
        self.home = folder / 'my home'
        self.calls_file = folder / 'calls.jsonl'
        for path in (self.root, self.here, self.home):
            path.mkdir()
        for name in _COPIED:
            ignored = shutil.ignore_patterns('__pycache__')
            shutil.copytree(ROOT / name, self.root / name, ignore=ignored)
        for name in PROGRAMS:
            (self.root / name).write_text(_TELL)
        (self.root / 'train_image_classifier.py').write_text(_TELL + _TRAIN)
        (self.root / 'export_inference_graph.py').write_text(_TELL + _EXPORT)
        tensorboard = folder / 'packages/tensorboard'
        tensorboard.mkdir(parents=True)
        (tensorboard / '__init__.py').write_text('')
        (tensorboard / 'main.py').write_text(_TELL)
        write_python(self.root / '.venv/bin/python')
        self.environment = {
            **clean_environment(),
            'HOME': str(self.home),
            'CALLS': str(self.calls_file),
            'PYTHONPATH': str(tensorboard.parent),
        }

    def run(self, script, *flags, folder=None, **settings):
        """Call a script, and return the finished process."""
        return subprocess.run(
            [str(self.root / 'scripts' / script), *flags],
            cwd=folder or self.here,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def start(self, script, *flags, text=False, **settings):
        """Call a script without waiting for its end; to be used in a `with` block."""
        return subprocess.Popen(
            [str(self.root / 'scripts' / script), *flags],
            cwd=self.here,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=text,
        )

    def calls(self, script, *flags, **options):
        """Call a script that has to succeed, and return what was called by it."""
        self.calls_file.unlink(missing_ok=True)
        done = self.run(script, *flags, **options)
        assert done.returncode == 0, done.stderr
        return self.recorded_calls()

    def recorded_calls(self):
        """List the calls so far."""
        if not self.calls_file.exists():
            return []
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]
