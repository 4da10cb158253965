"""Mistakes that a glance at the disk shows are answered before TensorFlow is imported."""

import subprocess
import sys

import pytest

from classifiers import model_info
from classifiers.model_info import ModelInfo
from support.shell.programs import ROOT

INFO = ModelInfo('lenet', 2, 28, 1, 'lenet', dataset_name='pets')

# How each program is called, and what it says; {0} is an empty folder.
MISTAKES = {
    'no picture': (
        'classify_image.py --model={0}/x.pb {0}/cat.jpg',
        '{0}/cat.jpg: no such file',
    ),
    'no such pictures': (
        'classify_image.py --model={0}/x.pb {0}/*.gif {0}/empty',
        '{0}/*.gif: no file matches this pattern; {0}/empty: no file in this folder',
    ),
    'nothing to classify': ('classify_image.py --model={0}/x.pb', 'no picture: name files'),
    'no label file': (
        'classify_image.py --model={0}/x.pb --label_file={0}/names {0}/x.pb',
        '{0}/names: No such file or directory',
    ),
    'no model': (
        'classify_image.py --model={0}/y.pb {0}/x.pb',
        '{0}/y.pb: No such file or directory',
    ),
    'no ONNX file': (
        'classify_image.py --model={0}/y.onnx {0}/x.pb',
        '{0}/y.onnx: No such file or directory',
    ),
    'no description of an ONNX file': (
        'classify_image.py --model={0}/x.onnx {0}/x.pb',
        '{0}/x.onnx: an ONNX model without its description {0}/x.json',
    ),
    'no ONNX file to serve': (
        'server.py --model_name={0}/y.onnx --port=0',
        '--model_name={0}/y.onnx: there is no file {0}/y.onnx',
    ),
    'no checkpoint to classify with': (
        'classify_image.py --model={0}/empty {0}/x.pb',
        '{0}/empty: no checkpoint in this directory',
    ),
    'no records to evaluate on': (
        'eval_image_classifier.py --checkpoint_path={0}/ckpt --dataset_dir={0}/none',
        '{0}/none: no such directory; make the records with: ',
    ),
    'no checkpoint to evaluate': (
        'eval_image_classifier.py --checkpoint_path={0}/empty --dataset_dir={0}',
        '{0}/empty: no checkpoint in this directory',
    ),
    'a mistyped directory': (
        'eval_image_classifier.py --checkpoint_path={0}/emty --dataset_dir={0}',
        '{0}/emty: no such checkpoint or directory',
    ),
    'no records to audit': (
        'audit_dataset.py --dataset_dir={0}/none',
        '{0}/none: no such directory; make the records with: ',
    ),
    'no checkpoint for an audit': (
        'audit_dataset.py --dataset_dir={0} --checkpoint_path={0}/empty',
        '{0}/empty: no checkpoint in this directory',
    ),
    'no checkpoint to calibrate': (
        'calibrate_image_classifier.py --dataset_dir={0} --checkpoint_path={0}/empty',
        '{0}/empty: no checkpoint in this directory',
    ),
    'no records to calibrate on': (
        'calibrate_image_classifier.py --checkpoint_path={0}/trained',
        '--dataset_dir is missing: the directory that holds the records',
    ),
    'no records to train on': (
        'train_image_classifier.py --dataset_name=pets --dataset_dir={0}',
        '{0}/pets_train-*: no such files; make them with: ',
    ),
    'no checkpoint to begin with': (
        'train_image_classifier.py --dataset_dir={0} --train_dir={0}/run '
        '--checkpoint_path={0}/model.ckpt-5',
        '{0}/model.ckpt-5: no such checkpoint or directory; there are {0}/model.ckpt-3',
    ),
    'no checkpoint to export': (
        'export_inference_graph.py --checkpoint_path={0}/empty --output_file={0}/out.pb',
        '{0}/empty: no checkpoint in this directory',
    ),
    'no graph to summarize': (
        'export_inference_graph.py --summarize={0}/y.pb',
        '{0}/y.pb: No such file or directory',
    ),
    'no graph to freeze': (
        'freeze_graph.py --input_graph={0}/y.pb --input_checkpoint={0} --output_graph={0}/z.pb '
        '--output_node_names=out',
        '{0}/y.pb: No such file or directory',
    ),
    'no checkpoint to freeze': (
        'freeze_graph.py --input_graph={0}/x.pb --input_checkpoint={0}/empty '
        '--output_graph={0}/z.pb --output_node_names=out',
        '{0}/empty: no checkpoint in this directory',
    ),
    'int8 without pictures': (
        'freeze_graph.py --int8 --input_graph={0}/x.pb --input_checkpoint={0}/trained '
        '--output_graph={0}/z.pb --output_node_names=out',
        '--int8=True: needs --dataset_dir: pictures to quantize with',
    ),
    'int8 without the float32 ONNX file': (
        'freeze_graph.py --int8 --noonnx --dataset_dir={0} --input_graph={0}/x.pb '
        '--input_checkpoint={0}/trained --output_graph={0}/z.pb --output_node_names=out',
        '--int8=True: is made from the float32 ONNX file; remove --noonnx',
    ),
    'no pictures of the data set that model.json names': (
        'freeze_graph.py --int8 --dataset_dir={0} --input_graph={0}/x.pb '
        '--input_checkpoint={0}/trained --output_graph={0}/z.pb --output_node_names=out',
        '{0}/pets_train-*: no such files; make them with: ',
    ),
    'no model to serve': (
        'server.py --model_name={0}/empty --port=0',
        '{0}/empty: no checkpoint in this directory',
    ),
    'no label file to serve': (
        'server.py --model_name={0}/x.pb --label_file={0}/names --port=0',
        '{0}/names: No such file or directory',
    ),
    'no weights to import': (
        'import_weights.py --source={0}/y.safetensors --output={0}/out',
        '{0}/y.safetensors: No such file or directory',
    ),
    'no place for imported weights': (
        'import_weights.py --source={0}/empty --output={0}/x.pb',
        '{0}/empty: no checkpoint in this directory',
    ),
    'no archive of pictures': (
        'download_and_convert_data.py --dataset_name=flowers --dataset_dir={0} '
        '--source_url=http://127.0.0.1:1/flowers.tgz',
        'flower_photos.tgz could not be downloaded (http://127.0.0.1:1/flowers.tgz: ',
    ),
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'empty').mkdir()
    for name in ('x.pb', 'model.ckpt-3.index'):
        (tmp_path / name).touch()
    (tmp_path / 'trained').mkdir()
    (tmp_path / 'trained' / 'model.ckpt-3.index').touch()
    (tmp_path / 'trained' / 'model.json').write_text(model_info.as_text(INFO))
    (tmp_path / 'x.onnx').write_bytes(b'\x08\x08\x12\x07tf2onnx')
    return tmp_path


@pytest.mark.parametrize('mistake', MISTAKES)
def test_a_mistake_is_found_before_tensorflow_loads(mistake, folder):
    typed, words = (text.format(folder) for text in MISTAKES[mistake])
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', *typed.split()],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    lines = done.stderr.splitlines()
    imported = {line.rpartition('|')[2].strip() for line in lines if 'import time:' in line}
    said = [line for line in lines if 'import time:' not in line]
    assert (done.returncode, len(said)) == (1, 1), done.stderr[-2000:]
    assert said[0].startswith(f'error: {words}')
    assert 'absl' in imported
    assert 'tensorflow' not in imported
