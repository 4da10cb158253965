"""freeze_graph.py writes an ONNX file of the same network, checked, or says why it does not."""

import logging
import os
import sys
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow.compat.v1 as tf

from classifiers import model_info
from common.errors import UserError
from serving import memory
from serving.export import completion, export, freeze, parity
from serving.export.export_options import ExportOptions
from serving.export.freeze_options import FreezeOptions
from serving.export.onnx import onnx_files, onnx_model
from serving.graphdef import graph_nodes
from serving.quantization import agreement
from support import families
from support.files import frozen_graphs, records, small_models

OUTPUT = 'Predictions/Reshape_1'


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO, logger='tensorflow')


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """Return (graph to freeze, training directory)."""
    folder = tmp_path_factory.mktemp('source')
    directory = small_models.train_dir(folder / 'train')
    graph = str(folder / 'graph.pb')
    options = ExportOptions(output_file=graph, checkpoint_path=directory)
    export.export(options, report=lambda line: None)
    return graph, directory


def frozen(source, folder, **options):
    path = os.path.join(folder, 'x.pb')
    freeze.freeze(FreezeOptions(*source, path, (OUTPUT,), **options))
    return path


def names(folder):
    return sorted(os.listdir(folder))


def test_the_onnx_file_returns_what_the_graph_returns(source, tmp_path, caplog):
    path = frozen(source, tmp_path)
    assert 'onnx: largest difference from the graph' in caplog.text
    assert names(tmp_path) == ['x.json', 'x.label', 'x.onnx', 'x.pb']
    info = model_info.read_beside(path)
    assert model_info.find_onnx(path, info, 'float32') == (str(tmp_path / 'x.onnx'), '')
    session = onnxruntime.InferenceSession(tmp_path / 'x.onnx')
    outputs = ['logits:0', 'probabilities:0', 'features:0']
    assert [each.name for each in session.get_outputs()] == outputs
    (given,) = session.get_inputs()
    assert (given.name, given.shape[1:]) == ('input:0', [28, 28, 1])
    graph_def = graph_nodes.read_graph_def(path)
    for count in (1, 3):
        images = np.linspace(-1, 1, count * 28 * 28, dtype=np.float32).reshape(count, 28, 28, 1)
        wanted = frozen_graphs.run(graph_def, {'input:0': images}, outputs)
        for ours, theirs in zip(session.run(outputs, {'input:0': images}), wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_without_the_onnx_file_the_old_one_goes(source, tmp_path, caplog):
    path = frozen(source, tmp_path)
    frozen(source, tmp_path, onnx=False)
    assert names(tmp_path) == ['x.json', 'x.label', 'x.pb']
    assert model_info.read_beside(path).onnx == {}
    assert f'Removed {tmp_path / "x.onnx"}' in caplog.text


def test_a_file_that_the_description_does_not_list_stays(source, tmp_path, caplog):
    for content in (b'foreign', b'changed'):
        (tmp_path / 'x.onnx').write_bytes(content)
        path = frozen(source, tmp_path)
        assert (tmp_path / 'x.onnx').read_bytes() == content
        assert model_info.read_beside(path).onnx == {}
        assert f'{tmp_path / "x.onnx"} is not written: there is a file of that name' in caplog.text
        os.unlink(tmp_path / 'x.onnx')
        frozen(source, tmp_path)


def _forget_the_node(monkeypatch, kind):
    describe = freeze.descriptions.describe

    def described(*arguments):
        info, lines = describe(*arguments)
        return info.replace(nodes={k: n for k, n in info.nodes.items() if k != kind}), lines

    monkeypatch.setattr(freeze.descriptions, 'describe', described)


def _raising(error):
    def fail(*arguments):
        raise error

    return fail


OBSTACLES = {
    'unknown network': (
        lambda patch: patch.setattr(freeze.descriptions, 'describe', lambda *given: (None, [])),
        'its network is not known',
    ),
    'no pixels': (lambda patch: _forget_the_node(patch, 'input'), 'no node that takes pixels'),
    'no probabilities': (
        lambda patch: _forget_the_node(patch, 'probabilities'),
        'no node that returns probabilities',
    ),
    'no package': (
        lambda patch: patch.setitem(sys.modules, 'tf2onnx', None),
        'the package tf2onnx is not installed',
    ),
    'little memory': (
        lambda patch: patch.setattr(memory, 'free_bytes', lambda: 2e8),
        'GB of memory, and 0.2 GB are free',
    ),
    'no memory': (
        lambda patch: patch.setattr(onnx_model, 'convert', _raising(MemoryError())),
        'MemoryError',
    ),
    'an operation that ONNX lacks': (
        lambda patch: patch.setattr(onnx_model.PixelGraph, 'of', _with_a_gamma_function),
        'Lgamma',
    ),
    'another result': (
        lambda patch: patch.setattr(
            onnx_model,
            'outputs',
            lambda model, info, kinds, images: {'probabilities': np.zeros((len(images), 5))},
        ),
        'must be at most 1e-04, so it was not written',
    ),
}


def _with_a_gamma_function(graph_def, info, kinds):
    with tf.Graph().as_default() as graph:
        pixels = tf.placeholder(tf.float32, [None, 28, 28, 1], 'input')
        tf.math.lgamma(pixels[:, 0, :5, 0], name='probabilities')
    fetched = ('probabilities:0',)
    return onnx_model.PixelGraph(graph.as_graph_def(), {}, 'input:0', fetched)


@pytest.mark.parametrize('obstacle', OBSTACLES)
def test_a_graph_that_cannot_be_converted_is_frozen_all_the_same(
    obstacle, source, tmp_path, monkeypatch, caplog
):
    prepare, words = OBSTACLES[obstacle]
    prepare(monkeypatch)
    path = frozen(source, tmp_path)
    (line,) = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert line.startswith(f'{tmp_path / "x.onnx"} is not written: ')
    assert words in line
    assert '\n' not in line
    assert os.path.exists(path)
    assert not os.path.exists(tmp_path / 'x.onnx')


def test_it_is_checked_on_the_pictures_of_a_data_set(source, tmp_path, monkeypatch):
    folder = tmp_path / 'records'
    folder.mkdir()
    records.write_pictures(folder / 'flowers_validation-00000-of-00001.tfrecord', [0, 1, 2])
    seen = []
    compare = parity.Check.compare
    monkeypatch.setattr(
        parity.Check,
        'compare',
        lambda check, *given: seen.append(len(check.pictures)) or compare(check, *given),
    )
    target = tmp_path / 'frozen'
    target.mkdir()
    frozen(source, target, dataset_dir=str(folder), dataset_name='flowers')
    assert seen == [3]


def test_a_wrong_data_set_is_a_mistake(source, tmp_path):
    with pytest.raises(UserError, match='has no pictures of flowers'):
        frozen(source, tmp_path, dataset_dir=str(tmp_path), dataset_name='flowers')
    assert not names(tmp_path)


def test_a_graph_must_not_be_called_like_an_onnx_file(source):
    options = FreezeOptions(*source, 'x.onnx', (OUTPUT,))
    with pytest.raises(UserError, match=r'--output_graph=x\.onnx: must not end in \.onnx'):
        freeze.freeze(options)


def test_a_fixed_batch_size_and_devices_are_no_obstacle(source, tmp_path):
    graph = str(tmp_path / 'graph.pb')
    export.export(
        ExportOptions(output_file=graph, checkpoint_path=source[1], batch_size=3, for_app=True),
        report=lambda line: None,
    )
    graph_def = graph_nodes.read_graph_def(graph)
    for node in graph_def.node:
        node.device = '/job:worker/task:3/device:GPU:0'
    with open(graph, 'wb') as stream:
        stream.write(graph_def.SerializeToString())
    os.unlink(tmp_path / 'graph.json')
    frozen((graph, source[1]), tmp_path, clear_devices=False)
    session = onnxruntime.InferenceSession(tmp_path / 'x.onnx')
    assert session.get_inputs()[0].shape == [3, 28, 28, 1]


def test_an_exported_onnx_file_lists_itself(source, tmp_path):
    path = str(tmp_path / 'y.onnx')
    export.export(
        ExportOptions(output_file=path, checkpoint_path=source[1], format='onnx'),
        report=lambda line: None,
    )
    info = model_info.read_beside(path)
    assert info.onnx == {'float32': model_info.graph_sha256(path)}
    assert model_info.find_onnx(path, info, 'float32') == (path, '')
    assert info.tensor('probabilities') == 'probabilities:0'


# CifarNet and LeNet flatten a feature map, whose order of values is that of TensorFlow.
TRANSPOSES = {'cifarnet': 2}
# Hard swish has its clipping between an addition and a product. In the networks of cells, ReLU is
# before convolutions, and the batch norm of a factorized reduction after two of them.
NOT_FUSED = {
    'mobilenet_v3_small': {'Clip'},
    'nasnet_mobile': {'Relu', 'BatchNormalization'},
    'pnasnet_mobile': {'Relu', 'BatchNormalization'},
}
QUICK = ('mobilenet_v1_025', 'mobilenet_v3_small')


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.soak)
        for name in families.TELLING
    ],
)
def test_layers_are_fused_and_keep_their_layout(name, tmp_path):
    info = small_models.describe(name, image_size=families.SMALLEST[name])
    directory = small_models.train_dir(tmp_path / 'train', info)
    result, info, _ = completion.from_checkpoint(info, tf.train.latest_checkpoint(directory))
    options = SimpleNamespace(
        onnx=True, output_graph=str(tmp_path / 'x.pb'), dataset_dir=None, dataset_name=None
    )
    (model,) = onnx_files.make(options, result.graph_def, info).values()
    session_options = onnxruntime.SessionOptions()
    session_options.optimized_model_filepath = str(tmp_path / 'optimized.onnx')
    session_options.log_severity_level = 3  # It warns that the file is for this processor alone.
    onnxruntime.InferenceSession(model, session_options)
    for graph in (onnx.load_from_string(model).graph, onnx.load(tmp_path / 'optimized.onnx').graph):
        kinds = [node.op_type for node in graph.node]
        assert kinds.count('Transpose') <= TRANSPOSES.get(name, 1)
    unfused = {'Relu', 'Clip', 'BatchNormalization'} - NOT_FUSED.get(name, set())
    assert not unfused & set(kinds)


@pytest.fixture
def data(tmp_path):
    """Return the flags of a data set."""
    folder = tmp_path / 'records'
    folder.mkdir()
    for split, count in (('train', 10), ('validation', 5)):
        path = folder / f'mine_{split}_00000-of-00001.tfrecord'
        records.write_pictures(path, [number % 5 for number in range(count)])
    return {'dataset_dir': str(folder), 'dataset_name': 'mine'}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / 'models'
    made.mkdir()
    return made


def test_an_accepted_int8_file_is_written_and_listed(source, folder, data, monkeypatch):
    monkeypatch.setattr(agreement, 'LEAST_AGREEMENT', 0.0)
    path = frozen(source, folder, int8=True, int8_max_drop=100.0, **data)
    assert names(folder) == ['x.int8.onnx', 'x.json', 'x.label', 'x.onnx', 'x.pb']
    info = model_info.read_beside(path)
    assert model_info.find_onnx(path, info, 'int8') == (str(folder / 'x.int8.onnx'), '')
    session = onnxruntime.InferenceSession(folder / 'x.int8.onnx')
    assert [output.name for output in session.get_outputs()] == [
        *('logits:0', 'probabilities:0', 'features:0')
    ]


def test_a_refused_int8_file_is_not_written_but_everything_else_is(
    source, folder, data, monkeypatch
):
    monkeypatch.setattr(agreement, 'LEAST_AGREEMENT', 1.01)
    with pytest.raises(UserError, match=r'x\.int8\.onnx is not written: same class as float32'):
        frozen(source, folder, int8=True, **data)
    assert names(folder) == ['x.json', 'x.label', 'x.onnx', 'x.pb']
    assert list(model_info.read(folder / 'x.json').onnx) == ['float32']


def test_an_int8_file_of_something_else_is_not_replaced(source, folder, data):
    (folder / 'x.int8.onnx').write_text('mine')
    with pytest.raises(UserError, match=r'x\.int8\.onnx is not written: there is a file'):
        frozen(source, folder, int8=True, **data)
    assert (folder / 'x.int8.onnx').read_text() == 'mine'


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        ({}, '--int8=True: needs --dataset_dir'),
        ({'onnx': False, 'dataset_dir': 'x'}, '--int8=True: .*remove --noonnx'),
        ({'dataset_dir': 'missing'}, 'missing'),
    ],
)
def test_mistakes_with_int8_are_found_before_anything_is_frozen(source, folder, options, error):
    with pytest.raises(UserError, match=error):
        frozen(source, folder, int8=True, **options)
    assert not names(folder)
