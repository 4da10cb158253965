"""The commands as people type them, from a training directory to a file that is served."""

import os
import subprocess
import sys

import numpy as np
import pytest

from classifiers import model_info
from common import cli, labels
from serving.export.freeze_options import FreezeOptions
from serving.graphdef import graph_nodes
from support.checkout import ROOT
from support.files import frozen_graphs, records, small_models

# The notes' export_freeze.sh, but that freeze_graph.py is this project's.
SCRIPT = """
set -e
python -u "{root}/export_inference_graph.py" \\
  --model_name={network} \\
  --output_file=./my_network.pb \\
  --dataset_name=$DATASET_NAME \\
  --dataset_dir=$DATASET_DIR {more}

NEWEST_CHECKPOINT=$(ls -t1 $TRAIN_DIR/model.ckpt*| head -n1)
NEWEST_CHECKPOINT=${{NEWEST_CHECKPOINT%.*}}
python -u "{root}/freeze_graph.py" \\
  --input_graph=my_network.pb \\
  --input_checkpoint=$NEWEST_CHECKPOINT \\
  --output_graph=./my_network_freeze.pb \\
  --input_binary=True \\
  --output_node_name={output}

cp $DATASET_DIR/labels.txt ./my_network_freeze.label
"""


def run(arguments, cwd, **environment):
    """Run a command; return (exit status, output, errors)."""
    bin_directory = os.path.dirname(sys.executable)
    path = os.pathsep.join([bin_directory, os.environ['PATH']])
    done = subprocess.run(
        arguments,
        cwd=cwd,
        env={**os.environ, 'PATH': path, **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def python(script, *flags, cwd):
    return run([sys.executable, str(ROOT / script), *flags], cwd)


CASES = [
    ('mobilenet_v1_025', 'MobilenetV1/Predictions/Reshape_1', '--image_size=64', 64),
    ('inception_v4', 'InceptionV4/Logits/Predictions', '', None),
]


@pytest.mark.soak  # test_readme.py exports and freezes with today's script.
@pytest.mark.parametrize(('network', 'output', 'more', 'size'), CASES)
def test_the_notes_script_works_as_typed(network, output, more, size, tmp_path):
    info = small_models.describe(network, image_size=size)
    directory = small_models.train_dir(tmp_path / 'train', info, step=100)
    data, here = tmp_path / 'data', tmp_path / 'here'
    data.mkdir()
    here.mkdir()
    labels.write_labels(data / 'labels.txt', small_models.CLASSES)
    status, _, errors = run(
        ['bash', '-c', SCRIPT.format(root=ROOT, network=network, output=output, more=more)],
        here,
        DATASET_NAME='my_flower_5',
        DATASET_DIR=str(data),
        TRAIN_DIR=directory,
    )
    assert status == 0, errors
    assert sorted(os.listdir(here)) == [
        'my_network.json',
        'my_network.pb',
        'my_network_freeze.json',
        'my_network_freeze.label',
        'my_network_freeze.onnx',
        'my_network_freeze.pb',
    ]
    frozen = here / 'my_network_freeze.pb'
    assert model_info.read_beside(str(frozen)).class_names == small_models.CLASSES
    graph_def = graph_nodes.read_graph_def(str(frozen))
    pictures = [records.encoded(records.picture(number)) for number in range(2)]
    found = frozen_graphs.run(graph_def, {'image_bytes:0': pictures}, f'{output}:0')
    np.testing.assert_allclose(found.sum(axis=1), [1, 1], rtol=1e-5)


@pytest.mark.parametrize(
    ('script', 'flags', 'message'),
    [
        ('freeze_graph.py', ['--output_node_names=a', '--output_node_name=b'], 'contradict'),
        ('freeze_graph.py', ['--input_meta_graph=x.meta'], 'x.meta: No such file'),
        ('freeze_graph.py', ['--input_saved_model_dir=x'], '--input_saved_model_dir=x'),
        ('freeze_graph.py', ['--no_such_flag=1'], 'no_such_flag'),
        ('export_inference_graph.py', ['--quantize'], '--tflite_precision=int8'),
        ('export_inference_graph.py', ['--num_frames=3'], 'videos'),
        ('export_inference_graph.py', ['--image_size=1', '--default_image_size=2'], 'contradict'),
        ('export_inference_graph.py', ['--summarize=absent.pb'], 'absent.pb: No such file'),
    ],
)
def test_mistakes_are_one_line_and_exit_status_1(script, flags, message, tmp_path):
    status, _, errors = python(script, *flags, cwd=tmp_path)
    lines = [line for line in errors.splitlines() if line.startswith('error: ')]
    assert (status, len(lines)) == (1, 1), errors
    assert message in lines[0]
    assert 'Traceback' not in errors


def test_every_file_of_a_freezing_may_lie_in_the_home_directory(monkeypatch):
    monkeypatch.setenv('HOME', '/home/kim')
    paths = ('input_graph', 'input_meta_graph', 'input_checkpoint', 'input_saver', 'output_graph')
    options = cli.read(FreezeOptions, [f'--{name}=~/here' for name in paths])
    assert {getattr(options, name) for name in paths} == {'/home/kim/here'}
