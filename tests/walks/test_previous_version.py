"""Files that version 0.1.0 wrote before the modules moved are still read, by the same commands."""

import json
import os
import subprocess
import sys
import tarfile

import pytest

from support.checkout import GOLDEN, ROOT

# Made with the commands of the README: own pictures converted, trained for 60 steps with moving
# averages, exported, frozen, and classified into answers.json.
ARCHIVE = GOLDEN / 'previous' / '0.1.0.tar.gz'
ACCURACY, LOSS = 0.9523810, 0.5518921  # Of its evaluation on the training split.


@pytest.fixture(scope='module')
def previous(tmp_path_factory):
    """Unpack what version 0.1.0 wrote, and return the directory."""
    directory = tmp_path_factory.mktemp('version 0.1.0')
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(directory, filter='data')
    return directory


def run(directory, program, *arguments):
    """Run a program in `directory`, and return what it prints to standard output."""
    done = subprocess.run(
        [sys.executable, str(ROOT / program), *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr if program.startswith('train') else done.stdout


def test_its_records_pass_verification(previous):
    arguments = ('--verify', '--dataset_dir=.', '--dataset_name=pictures')
    assert '24' in run(previous, 'download_and_convert_data.py', *arguments)


@pytest.mark.soak
def test_its_training_directory_is_evaluated_to_the_same_figures(previous):
    arguments = ('--checkpoint_path=train_dir', '--dataset_dir=.', '--dataset_split_name=train')
    run(previous, 'eval_image_classifier.py', *arguments, '--eval_dir=eval')
    metrics = json.loads((previous / 'eval' / 'metrics.json').read_text())
    assert metrics['accuracy'] == pytest.approx(ACCURACY, abs=1e-4)
    assert metrics['loss'] == pytest.approx(LOSS, abs=1e-4)


@pytest.mark.parametrize(
    'model', ['lenet_freeze.pb', pytest.param('train_dir', marks=pytest.mark.soak)]
)
def test_its_models_give_the_same_probabilities(model, previous):
    printed = run(previous, 'classify_image.py', f'--model={model}', '--format=json', 'pictures')
    before = json.loads((previous / 'answers.json').read_text())
    now = json.loads(printed)
    assert [answer['file'] for answer in now] == [answer['file'] for answer in before]
    assert len(now) == 24
    for new, old in zip(now, before, strict=True):
        assert probabilities(new) == pytest.approx(probabilities(old), abs=1e-4)


def probabilities(answer):
    """Return the probability of each class name."""
    return {found['class']: found['probability'] for found in answer['predictions']}


def test_its_training_goes_on(previous):
    log = run(
        previous, 'train_image_classifier.py', '--dataset_name=pictures', '--dataset_dir=.',
        '--train_dir=train_dir', '--model_name=lenet', '--train_image_size=4', '--batch_size=8',
        '--max_number_of_steps=62', '--optimizer=sgd', '--moving_average_decay=0.9',
    )  # fmt: skip
    assert 'train_dir/model.ckpt-60' in log
    assert os.path.exists(previous / 'train_dir' / 'model.ckpt-62.index')


@pytest.mark.soak
def test_its_graph_and_checkpoint_freeze_to_the_same_model(previous):
    run(
        previous, 'freeze_graph.py', '--input_graph=lenet.pb', '--input_binary=true',
        '--input_checkpoint=train_dir/model.ckpt-60', '--output_node_names=probabilities',
        '--output_graph=again.pb',
    )  # fmt: skip
    printed = run(previous, 'classify_image.py', '--model=again.pb', '--format=json', 'pictures')
    before = json.loads((previous / 'answers.json').read_text())
    assert [probabilities(answer) for answer in json.loads(printed)] == [
        pytest.approx(probabilities(answer), abs=1e-4) for answer in before
    ]
