"""Networks become graphs that others freeze, and classifiers models that others run."""

import base64
import io
import json
import logging
import os
import sys

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info
from common import labels, logs
from common.errors import UserError
from serving.export import export, export_options, formats, parity
from serving.export.export_options import ExportOptions
from serving.graphdef import graph_nodes
from support.files import checkpoint_files, frozen_graphs, records, small_models
from support.shell import fresh_process


def run(tmp_path, name='graph.pb', **options):
    """Export, and return (path, the lines that were reported)."""
    path, lines = str(tmp_path / name), []
    export.export(ExportOptions(output_file=path, **options), report=lines.append)
    return path, lines


def shape(path, name='input'):
    inputs = {fed.name: fed.shape for fed in graph_nodes.inputs(graph_nodes.read_graph_def(path))}
    return inputs[name]


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Return a training directory of a small classifier."""
    return small_models.train_dir(tmp_path_factory.mktemp('export') / 'train')


def test_an_architecture_needs_no_data_and_tells_imagenets_classes(tmp_path):
    path, lines = run(tmp_path, model_name='mobilenet_v1_025')
    info = model_info.read_beside(path)
    assert (info.num_classes, info.class_names[1]) == (1001, 'tench, Tinca tinca')
    assert shape(path) == (None, 224, 224, 3)
    assert shape(path, 'image_bytes') == (None,)
    assert 'VariableV2' in frozen_graphs.kinds(graph_nodes.read_graph_def(path))
    assert lines[1:] == [
        'inputs: input, image_bytes',
        'outputs: MobilenetV1/Predictions/Reshape_1, logits, probabilities, features',
    ]
    assert sorted(os.listdir(tmp_path)) == ['graph.json', 'graph.pb']


@pytest.mark.parametrize(
    ('options', 'classes', 'size'),
    [
        ({'labels_offset': 1}, 1000, 28),
        ({'dataset_name': 'flowers', 'image_size': 32}, 5, 32),
        ({'dataset_name': 'cifar10', 'use_grayscale': True}, 10, 28),
    ],
)
def test_flags_shape_the_architecture(options, classes, size, tmp_path):
    path, _ = run(tmp_path, model_name='lenet', **options)
    info = model_info.read_beside(path)
    assert info.num_classes == classes
    assert bool(info.class_names) == ('dataset_name' not in options)
    assert shape(path) == (None, size, size, 1)


def test_a_batch_size_is_fixed_and_an_application_has_pixels_alone(tmp_path):
    path, lines = run(tmp_path, model_name='lenet', batch_size=2, for_app=True)
    assert shape(path) == (2, 28, 28, 1)
    assert [fed.name for fed in graph_nodes.inputs(graph_nodes.read_graph_def(path))] == ['input']
    assert lines[1] == 'inputs: input'


def test_the_graph_of_training_drops_out(tmp_path):
    path, _ = run(tmp_path, model_name='lenet', is_training=True)
    assert 'RandomUniform' in frozen_graphs.kinds(graph_nodes.read_graph_def(path))


@pytest.mark.parametrize('kept', ['manifest', 'labels', 'records'])
def test_the_classes_come_from_the_data_set(kept, tmp_path):
    data = tmp_path / 'data'
    data.mkdir()
    names = [f'kind_{label}' for label in range(4)]
    if kept == 'manifest':
        content = {'dataset_name': 'mine', 'class_names': names, 'splits': {}, 'format_version': 1}
        (data / 'mine.manifest.json').write_text(json.dumps(content))
    elif kept == 'labels':
        labels.write_labels(data / 'labels.txt', names)
    else:
        examples = [
            records.example(b'', label, **{'image/class/text': name.encode()})
            for label, name in enumerate(names)
        ]
        records.write(data / 'mine_validation_00000-of-00001.tfrecord', examples)
    path, _ = run(tmp_path, model_name='lenet', dataset_name='mine', dataset_dir=str(data))
    assert model_info.read_beside(path).class_names == tuple(names)


def test_the_training_directory_alone_is_enough(trained):
    export.export(ExportOptions(checkpoint_path=trained), report=lambda line: None)
    info = model_info.read_beside(os.path.join(trained, 'lenet.pb'))
    assert info.class_names == small_models.CLASSES


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'model_name': 'cifarnet'}, r'--model_name=cifarnet contradicts .*model.json.*lenet'),
        ({'format': 'saved_model', 'for_app': True}, '--for_app'),
        ({'format': 'tflite', 'is_training': True}, '--is_training'),
        ({'format': 'tflite', 'tflite_precision': 'int8'}, '--dataset_dir'),
        ({'tflite_precision': 'int8'}, '--tflite_precision=int8: .* --format=tflite, not for --'),
        ({'format': 'onnx', 'tflite_precision': 'float16'}, '--tflite_precision=float16'),
        ({'labels_offset': -5}, '--labels_offset=-5: must be at least 0'),
        ({'format': 'tflite', 'checkpoint_path': None}, '--checkpoint_path'),
        ({'batch_size': 0}, '--batch_size=0'),
        ({'checkpoint_path': None, 'dataset_name': 'my_own'}, r'--dataset_name=my_own.*--dataset'),
        ({'checkpoint_path': None, 'model_name': 'inception_v5'}, 'inception_v4'),
    ],
)
def test_contradictions_are_told_in_a_line(options, message, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        run(tmp_path, **{'checkpoint_path': trained, **options})
    with pytest.raises(UserError, match='--output_file is missing'):
        export.export(ExportOptions())
    assert not os.listdir(tmp_path)


def sample():
    pixels = [records.picture(number, 50, 44, 1) for number in range(3)]
    return [records.encoded(picture, kind) for picture in pixels for kind in ('png', 'jpeg')]


def expected(trained, tmp_path):
    path, _ = run(tmp_path, 'frozen.pb', checkpoint_path=trained, format='frozen')
    graph_def = graph_nodes.read_graph_def(path)
    return frozen_graphs.run(graph_def, {'image_bytes:0': sample()}, 'probabilities:0')


@pytest.fixture
def log():
    """Start the log of a program, and return the stream that it is written to."""
    logger = logging.getLogger('tensorflow')
    kept = logger.handlers[:], logger.propagate, logger.level
    stream = io.StringIO()
    logs.start(stream)
    yield stream
    logger.handlers[:], logger.propagate, level = kept
    logger.setLevel(level)


def test_a_saved_model_gives_classes_and_scores_in_a_fresh_process(trained, tmp_path, log):
    killed = tmp_path / '.saved.abcdefgh.part'
    (killed / 'model').mkdir(parents=True)
    path, lines = run(tmp_path, 'saved', checkpoint_path=trained, format='saved_model')
    assert not killed.exists()
    # What TensorFlow says of a model whose weights are constants sounds like a failure.
    assert 'Restoring parameters from' in log.getvalue()
    assert 'no checkpoints were restored' not in log.getvalue()
    assert 'No assets' not in log.getvalue()
    assert 'deprecated' not in log.getvalue()
    assert 'largest difference' in lines[0]
    texts = [base64.b64encode(data).decode() for data in sample()]
    found = fresh_process.run_saved_model(tmp_path, path, texts)
    np.testing.assert_allclose(found['scores'], expected(trained, tmp_path), atol=1e-5)
    assert found['classes'] == [list(small_models.CLASSES)] * len(texts)
    with pytest.raises(UserError, match=r'--output_file=.*already exists'):
        run(tmp_path, 'saved', checkpoint_path=trained, format='saved_model')
    info = model_info.read(os.path.join(path, 'assets.extra', 'model.json'))
    assert info.class_names == small_models.CLASSES


@pytest.mark.parametrize(
    ('precision', 'tolerance'), [('float32', 1e-5), ('float16', 1e-2), ('int8', 0.2)]
)
def test_tensorflow_lite_agrees_as_far_as_it_rounds(precision, tolerance, trained, tmp_path):
    data = tmp_path / 'data'
    data.mkdir()
    labels.write_labels(data / 'labels.txt', small_models.CLASSES)
    records.write_pictures(data / 'mine_train-00000-of-00001', [0, 1, 2, 3, 4] * 5)
    path, lines = run(
        tmp_path,
        'model.tflite',
        checkpoint_path=trained,
        format='tflite',
        dataset_name='mine',
        dataset_dir=str(data),
        tflite_precision=precision,
    )
    assert f'tflite ({precision}): largest difference' in lines[0]
    interpreter = tf.lite.Interpreter(path)
    fed, fetched = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(fed['index'], [6, 28, 28, 1])
    interpreter.allocate_tensors()
    images = parity.pixels(model_info.read_beside(trained), sample())
    interpreter.set_tensor(fed['index'], images)
    interpreter.invoke()
    found = interpreter.get_tensor(fetched['index'])
    np.testing.assert_allclose(found, expected(trained, tmp_path), atol=tolerance)
    assert labels.read_labels(tmp_path / 'model.tflite.label')[1] == 'dandelion'


def mine(directory):
    """Write records of a data set, and return their file."""
    directory.mkdir()
    labels.write_labels(directory / 'labels.txt', small_models.CLASSES)
    path = directory / 'mine_train-00000-of-00001'
    records.write_pictures(path, [0, 1, 2, 3, 4])
    return path


def test_int8_is_fitted_in_batches_of_the_fixed_size(trained, tmp_path):
    data = mine(tmp_path / 'data').parent
    path, lines = run(
        tmp_path,
        'model.tflite',
        checkpoint_path=trained,
        format='tflite',
        tflite_precision='int8',
        batch_size=4,
        dataset_name='mine',
        dataset_dir=str(data),
    )
    assert 'of 4 pictures' in lines[0]
    fed = tf.lite.Interpreter(path).get_input_details()[0]
    assert list(fed['shape']) == [4, 28, 28, 1]


@pytest.mark.parametrize(
    ('damage', 'words'),
    [
        (checkpoint_files.flip, r'mine_train-00000-of-00001: record \d+ is damaged: '),
        (checkpoint_files.truncate, r'no pictures of mine in .* \(.*mine_train-00000-of-00001: '),
    ],
)
def test_damaged_records_to_compare_on_are_named(damage, words, trained, tmp_path):
    path = mine(tmp_path / 'data')
    damage(path)
    options = {'dataset_name': 'mine', 'dataset_dir': str(path.parent)}
    with pytest.raises(UserError, match=words):
        run(tmp_path, checkpoint_path=trained, format='tflite', **options)
    assert os.listdir(tmp_path) == ['data']


def test_a_saved_model_that_tensorflow_cannot_write_leaves_nothing(trained, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise tf.errors.ResourceExhaustedError(None, None, 'v.data; No space left on device')

    monkeypatch.setattr(tf.saved_model, 'Builder', refuse)
    with pytest.raises(UserError, match=r'saved: cannot be written \(.*No space left on device'):
        run(tmp_path, 'saved', checkpoint_path=trained, format='saved_model')
    assert not os.listdir(tmp_path)


def test_onnx_agrees(trained, tmp_path):
    import onnxruntime

    path, lines = run(tmp_path, 'model.onnx', checkpoint_path=trained, format='onnx')
    assert 'onnx: largest difference' in lines[0]
    session = onnxruntime.InferenceSession(path)
    assert len(session.get_inputs()) == 1
    images = parity.pixels(model_info.read_beside(trained), sample())
    for batch in (images, images[:1]):
        (found,) = session.run(None, {session.get_inputs()[0].name: batch})
        wanted = expected(trained, tmp_path)[: len(batch)]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_names_that_end_in_a_version_stay_apart(trained, tmp_path):
    for version in ('lenet.v2', 'lenet.v3'):
        path, _ = run(tmp_path, version, checkpoint_path=trained, format='frozen')
        assert model_info.read_beside(path).class_names == small_models.CLASSES
        assert model_info.is_graph(path)
    assert sorted(os.listdir(tmp_path)) == [
        f'lenet.{version}{suffix}' for version in ('v2', 'v3') for suffix in ('', '.json', '.label')
    ]


def test_without_its_packages_onnx_says_what_to_install(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tf2onnx', None)
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(UserError, match=r'--format=onnx: .*setup_env\.sh'):
        run(tmp_path, 'model.onnx', checkpoint_path=trained, format='onnx')


def test_a_model_that_differs_is_not_written():
    def found(*row):
        return {'probabilities': np.array([row])}

    check = parity.Check([], None, found(0.2, 0.8))
    assert 'difference from the graph 0.0e+00' in check.compare('x', found(0.2, 0.8))
    for wrong in (found(0.21, 0.79), found(np.nan, 0.8)):
        with pytest.raises(UserError, match='so it was not written'):
            check.compare('x', wrong)
    assert '1.0e-01' in check.compare('x', found(0.3, 0.7), None)


def test_every_value_of_format_has_a_file_name_and_a_writer():
    assert tuple(export._SUFFIXES) == export_options.FORMATS
    assert formats._WEIGHTS_WRITERS.keys() == set(export_options.WEIGHTS)
    # `write` itself knows the frozen graph, and Keras, which needs the checkpoint too.
    graphs = {'graph_def', 'frozen', 'keras', *formats._WRITERS}
    assert graphs | set(export_options.WEIGHTS) == set(export_options.FORMATS)
