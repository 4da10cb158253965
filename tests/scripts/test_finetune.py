"""finetune.sh with the real programs: a head, all layers, and what is used afterwards."""

import json
import os
import re
import subprocess

import pytest

from support import training_runs
from support.checkout import ROOT
from support.files import patterns
from support.shell.script_checkout import clean_environment

BODY = {
    'model_name': 'mobilenet_v1_025',
    'train_image_size': 32,
    'optimizer': 'adam',
    'opt_epsilon': 1e-8,
    'learning_rate': 0.005,
    'batch_norm_decay': 0.9,
    'max_number_of_steps': 160,
    'batch_size': 20,
    'augmentation': 'none',
    'seed': 1,
}


def accuracy(path):
    return json.loads(path.read_text())['accuracy']


@pytest.mark.soak
def test_all_layers_are_at_least_as_accurate_as_the_head(tmp_path):
    """A network trained on some patterns is fine-tuned on others."""
    for half in patterns.HALVES:
        patterns.write(tmp_path / 'data', half, {'train': 300, 'validation': 100})
    runs = training_runs.Runs(str(tmp_path / 'data'), tmp_path)
    runs.train('body', dataset_name='first', **BODY)
    places = {
        'HOME': tmp_path,
        'DATASET_DIR': tmp_path / 'data',
        'TRAIN_DIR': tmp_path / 'run',
        'CHECKPOINT_PATH': tmp_path / 'body',
    }
    environment = {**clean_environment(), **{name: str(path) for name, path in places.items()}}

    def script(name, *typed):
        command = [ROOT / 'scripts' / name, *typed]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    text = script('finetune.sh', 'mobilenet_v1_025', 'second', '--seed=1')
    head, best = tmp_path / 'run', tmp_path / 'run/all/best'
    found = accuracy(tmp_path / 'run/all/eval/metrics.json')
    assert found >= accuracy(head / 'eval/metrics.json') >= 0.95
    assert found == accuracy(best / 'evaluation.json')
    used = re.search(r'^== using (\S+): validation accuracy', text, re.MULTILINE)[1]
    assert used in (str(head), str(best))
    # The same command finds everything done, and others use what it names.
    again = script('finetune.sh', 'mobilenet_v1_025', 'second', '--seed=1')
    assert len(re.findall('global step', again)) == 0
    environment.update(MODEL_NAME='mobilenet_v1_025', DATASET_NAME='second')
    assert f'using {used}: ' in script('export_freeze.sh')
    assert os.path.exists(tmp_path / 'my_mobilenet_v1_025_freeze.pb')
