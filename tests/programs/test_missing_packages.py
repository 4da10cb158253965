"""Programs in an environment of `setup_env.sh --serve`, which has no TensorFlow."""

import subprocess
import sys

import pytest

from support.checkout import ROOT
from support.shell import programs

NOT_INSTALLED = 'error: TensorFlow is not installed; run scripts/setup_env.sh\n'
COMMANDS = {
    'train_image_classifier.py': ['--dataset_name=pets', '--dataset_dir={0}', '--train_dir={0}/t'],
    'download_and_convert_data.py': ['--dataset_name=sample_flowers', '--dataset_dir={0}/d'],
    'export_inference_graph.py': ['--model_name=lenet', '--output_file={0}/x.pb'],
}


def run(program, *arguments):
    command = [sys.executable, str(ROOT / program), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize('program', programs.NAMES)
def test_every_program_explains_its_flags(missing_tensorflow, program):
    done = run(program, '--help')
    assert (done.returncode, done.stderr) == (0, '')
    assert missing_tensorflow() == []


@pytest.mark.parametrize('program', COMMANDS)
def test_a_program_that_needs_tensorflow_says_so_in_one_line(missing_tensorflow, program, tmp_path):
    (tmp_path / 'pets_train-00000-of-00001.tfrecord').touch()
    done = run(program, *(flag.format(tmp_path) for flag in COMMANDS[program]))
    assert (done.returncode, done.stderr) == (1, NOT_INSTALLED)


def test_tensorboard_says_so_too(missing_tensorflow):
    done = subprocess.run(
        [ROOT / 'scripts/tensorboard.sh', '--port=0'], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, NOT_INSTALLED)
