"""Exported models say what the limits beside their checkpoint say; their old outputs stay."""

import base64
import json
import logging
import os
import re
import shutil
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow.compat.v1 as tf

from classifiers import build, model_info
from classifiers.verdicts import KINDS
from common.errors import UserError
from nets import model_specs
from serving.export import completion, export, freeze, limits_outputs, parity, verdict_parity
from serving.export.export_options import ExportOptions
from serving.export.freeze_options import FreezeOptions
from serving.export.onnx import onnx_model
from serving.graphdef import graph_nodes, graph_safety
from serving.quantization import agreement, onnx_graphs
from support import families
from support import limits as drawn_limits
from support.files import checkpoint_files, frozen_graphs, records, small_models
from support.shell import fresh_process

MAP = 'MobilenetV1/MobilenetV1/Conv2d_12_pointwise/Relu6'
OUTPUT = 'MobilenetV1/Predictions/Reshape_1'
OLD = ('logits', 'probabilities', 'features')
TOLERANCE = 1e-4


@pytest.fixture(autouse=True)
def log(caplog):
    caplog.set_level(logging.INFO, logger='tensorflow')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Return a training directory of a network with batch norms, with its limits."""
    info = small_models.describe('mobilenet_v1_025', image_size=64)
    pictures = sample()
    directory = small_models.train_dir(
        tmp_path_factory.mktemp('limits') / 'train',
        info,
        weights=small_models.telling(info, pictures),
    )
    drawn_limits.write(directory, fitted(directory))
    return directory


def sample(count=12):
    return [records.encoded(records.picture(number, 70, 80)) for number in range(count)]


def plain(directory):
    """Return (frozen GraphDef without limits, ModelInfo, GraphDef that it was made from)."""
    checkpoint = tf.train.latest_checkpoint(directory)
    frozen, info, _ = completion.from_checkpoint(model_info.read_beside(directory), checkpoint)
    return frozen.graph_def, info


def fitted(directory, **changes):
    """Return limits for the features of the sample, on two layers."""
    graph_def, _ = plain(directory)
    names = ['logits:0', 'features:0', f'{MAP}:0']
    logits, features, maps = frozen_graphs.run(graph_def, {'image_bytes:0': sample(60)}, names)
    layers = {'features': features, 'Conv2d_12_pointwise': maps.mean(axis=(1, 2))}
    measures = ('mahalanobis', 'neighbours_5', 'max_logit')
    settings = {'layers': {'Conv2d_12_pointwise': f'{MAP}:0'}, **changes}
    return drawn_limits.fit_limits(logits, layers, np.arange(60) % 5, measures, **settings)


def exported(directory, path, **options):
    lines = []
    options = ExportOptions(output_file=str(path), checkpoint_path=str(directory), **options)
    export.export(options, report=lines.append)
    return str(path), lines


def expected(directory, pictures):
    """Return {kind: array} from NumPy."""
    limits = fitted(directory)
    graph_def, _ = plain(directory)
    names = ['logits:0', 'features:0', f'{MAP}:0']
    logits, features, maps = frozen_graphs.run(graph_def, {'image_bytes:0': pictures}, names)
    layers = {'features': features, 'Conv2d_12_pointwise': maps.mean(axis=(1, 2))}
    verdicts = limits.apply(logits, layers)
    found = (
        *(verdicts.probabilities, verdicts.unknown_scores),
        *(verdicts.p_known, verdicts.is_known),
    )
    return dict(zip(KINDS, found, strict=True))


def check(directory, found, pictures):
    wanted = expected(directory, pictures)
    result = verdict_parity.compare(fitted(directory), wanted, found)
    assert result.difference < TOLERANCE
    assert {kind: np.shape(found[kind]) for kind in KINDS} == {
        kind: array.shape for kind, array in wanted.items()
    }
    assert len(set(found['unknown_score'])) == len(pictures)


def test_a_frozen_graph_gets_the_outputs_and_keeps_its_own(trained, tmp_path, caplog):
    graph_def, info = plain(trained)
    found = limits_outputs.Found(fitted(trained), 'limits.json')
    longer, described = limits_outputs.append(found, graph_def, graph_def, info)
    assert list(longer.node)[: len(graph_def.node)] == list(graph_def.node)
    assert longer.library == graph_def.library
    own = {node.name.split('/')[0] for node in longer.node[len(graph_def.node) :]}
    assert own == {'limits', *KINDS}
    assert described.limits == found.limits.described()
    assert described.nodes == {**info.nodes, **{kind: kind for kind in KINDS}}
    pictures, old = {'image_bytes:0': sample()}, [f'{kind}:0' for kind in OLD]
    before = frozen_graphs.run(graph_def, pictures, old)
    for fetched in (old, [*old, *(f'{kind}:0' for kind in KINDS)]):
        after = frozen_graphs.run(longer, pictures, fetched)
        assert [array.tobytes() for array in after[:3]] == [array.tobytes() for array in before]
    check(trained, dict(zip(KINDS, after[3:], strict=True)), sample())


def frozen(directory, folder, graph, **options):
    path = str(folder / 'x.pb')
    freeze.freeze(FreezeOptions(graph, str(directory), path, (OUTPUT,), **options))
    return path


def test_freezing_appends_them_to_both_files_or_leaves_them_out(trained, tmp_path, caplog):
    graph, _ = exported(trained, tmp_path / 'graph.pb')
    path = frozen(trained, tmp_path, graph)
    assert 'Appended the limits of ' in caplog.text
    assert 'mahalanobis(features) + mahalanobis(Conv2d_12_pointwise)' in caplog.text
    assert 'of its limits ' in caplog.text
    info = model_info.read_beside(path)
    assert info.limits == json.loads(json.dumps(fitted(trained).described()))
    assert all(info.nodes[kind] == kind for kind in KINDS)
    assert graph_safety.check(path, graph_nodes.read_graph_def(path)) == ()
    fetched = [f'{kind}:0' for kind in (*OLD, *KINDS)]
    pictures = sample()
    images = parity.pixels(info, pictures)
    session = onnxruntime.InferenceSession(tmp_path / 'x.onnx')
    assert [each.name for each in session.get_outputs()] == fetched
    found = session.run(fetched, {'input:0': images})
    check(trained, dict(zip(KINDS, found[3:], strict=True)), pictures)
    check(trained, parity.outputs(graph_nodes.read_graph_def(path), info, images), pictures)
    frozen(trained, tmp_path, graph, limits=False)
    info = model_info.read_beside(path)
    assert info.limits == {}
    assert not set(KINDS) & info.nodes.keys()
    without = onnxruntime.InferenceSession(tmp_path / 'x.onnx').run(
        fetched[:3], {'input:0': images}
    )
    assert [array.tobytes() for array in without] == [array.tobytes() for array in found[:3]]


def test_without_limits_a_line_says_what_learns_them(tmp_path, caplog):
    directory = tmp_path / 'train'
    small_models.train_dir(directory)
    exported(directory, tmp_path / 'x.pb', format='frozen')
    lines = [line for line in caplog.messages if 'calibrate_image_classifier.py learns' in line]
    assert lines[0].startswith('No limits beside ')
    assert not set(KINDS) & model_info.read_beside(tmp_path / 'x.pb').nodes.keys()


def test_a_saved_model_returns_them_beside_classes_and_scores(trained, tmp_path):
    path, lines = exported(trained, tmp_path / 'saved', format='saved_model')
    assert 'of its limits' in lines[0]
    assert lines[-1] == f'outputs: scores, classes, {", ".join(KINDS)}'
    texts = [base64.b64encode(data).decode() for data in sample()]
    found = fresh_process.run_saved_model(tmp_path, path, texts)
    check(trained, {kind: np.array(found[kind]) for kind in KINDS}, sample())
    assert {'scores', 'classes'} <= found.keys()
    info = model_info.read(os.path.join(path, 'assets.extra', 'model.json'))
    assert info.limits['temperature'] == 1.3
    assert set(KINDS) <= info.nodes.keys()


def run_tflite(path, images):
    interpreter = tf.lite.Interpreter(path)
    fed, outputs = interpreter.get_input_details()[0], interpreter.get_output_details()
    interpreter.resize_tensor_input(fed['index'], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(fed['index'], images)
    interpreter.invoke()
    return [interpreter.get_tensor(each['index']) for each in outputs]


def test_tensorflow_lite_has_them_after_the_probabilities(trained, tmp_path):
    path, lines = exported(trained, tmp_path / 'x.tflite', format='tflite')
    assert 'of its limits' in lines[0]
    info = model_info.read_beside(path)
    assert info.limits['accept_known'] == 0.95
    assert set(KINDS) <= info.nodes.keys()
    images = parity.pixels(info, sample())
    probabilities, *found = run_tflite(path, images)
    assert probabilities.shape == (12, 5)
    check(trained, dict(zip(KINDS, found, strict=True)), sample())
    without, _ = exported(trained, tmp_path / 'y.tflite', format='tflite', limits=False)
    assert run_tflite(without, images)[0].tobytes() == probabilities.tobytes()


def test_8_bits_in_tensorflow_lite_leave_them_out(trained, tmp_path, caplog):
    records.write_pictures(tmp_path / 'mine_train-00000-of-00001', [0, 1, 2, 3, 4])
    options = {'tflite_precision': 'int8', 'dataset_dir': str(tmp_path), 'dataset_name': 'mine'}
    (tmp_path / 'labels.txt').write_text(
        ''.join(f'{n}:{name}\n' for n, name in enumerate(small_models.CLASSES))
    )
    path, _ = exported(trained, tmp_path / 'x.tflite', format='tflite', **options)
    assert 'limits.json: left out, distances do not survive 8 bits' in caplog.text
    info = model_info.read_beside(path)
    assert not set(KINDS) & info.nodes.keys()
    assert info.limits == {}


def test_an_onnx_file_alone_has_them_too(trained, tmp_path):
    path, _ = exported(trained, tmp_path / 'y.onnx', format='onnx')
    info = model_info.read_beside(path)
    assert [info.tensor(kind) for kind in KINDS] == [f'{kind}:0' for kind in KINDS]
    images = parity.pixels(info, sample())
    found = onnx_model.outputs(onnx.load(path).SerializeToString(), info, KINDS, images)
    check(trained, found, sample())


def test_limits_stay_float32_in_an_int8_file(trained, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(agreement, 'LEAST_AGREEMENT', 0.0)
    for split, count in (('train', 10), ('validation', 5)):
        path = tmp_path / f'mine_{split}_00000-of-00001.tfrecord'
        records.write_pictures(path, [number % 5 for number in range(count)])
    options = {'int8': True, 'int8_max_drop': 100.0}
    options |= {'dataset_dir': str(tmp_path), 'dataset_name': 'mine'}
    graph, _ = exported(trained, tmp_path / 'graph.pb')
    frozen(trained, tmp_path, graph, **options)
    assert re.search(r'% of the pictures are taken for known \(float32: \d', caplog.text)
    model = onnx.load(tmp_path / 'x.int8.onnx')
    limits = onnx_graphs.verdict_nodes(model)
    kinds = {node.op_type for node in model.graph.node if node.name in limits}
    assert {'MatMul', 'Log', 'LessOrEqual'} <= kinds
    assert not {'QuantizeLinear', 'DequantizeLinear'} & kinds
    assert onnx_graphs.layers(model)[-1].name.startswith('MobilenetV1/Logits')
    images = parity.pixels(model_info.read_beside(tmp_path / 'x.pb'), sample())
    (tmp_path / 'without').mkdir()
    frozen(trained, tmp_path / 'without', graph, limits=False, **options)
    fetched = [f'{kind}:0' for kind in OLD]
    results = [
        onnxruntime.InferenceSession(folder / 'x.int8.onnx').run(fetched, {'input:0': images})
        for folder in (tmp_path, tmp_path / 'without')
    ]
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_weight_that_is_read_in_two_layouts_is_stored_once():
    weights = np.random.default_rng(0).normal(size=[400, 64]).astype(np.float32)

    def build():
        rows = tf.placeholder(tf.float32, [None, 400], 'input')
        constant = tf.constant(weights)
        tf.identity(tf.matmul(rows @ constant, constant, transpose_b=True), 'probabilities')

    info = SimpleNamespace(
        nodes={'input': 'input', 'probabilities': 'probabilities'}, tensor=lambda kind: f'{kind}:0'
    )
    model = onnx_model.convert(onnx_model.PixelGraph.of(frozen_graphs.build(build), info))
    assert weights.nbytes < len(model) < 1.2 * weights.nbytes
    rows = np.eye(3, 400, dtype=np.float32)
    found = onnx_model.outputs(model, info, ['probabilities'], rows)['probabilities']
    np.testing.assert_allclose(found, rows @ weights @ weights.T, atol=1e-4)


def test_only_graphs_with_weights_have_them(trained, tmp_path):
    path, _ = exported(trained, tmp_path / 'x.pb')
    assert model_info.read_beside(path).limits == {}
    path, _ = exported(trained, tmp_path / 'y.pb', for_app=True, format='frozen')
    assert model_info.read_beside(path).limits


@pytest.mark.parametrize('name', ['limits.npz', 'limits.json'])
def test_damaged_limits_are_refused_unless_they_are_left_out(name, trained, tmp_path):
    directory = shutil.copytree(trained, tmp_path / 'train')
    checkpoint_files.truncate(directory / name)
    target = tmp_path / 'models'
    target.mkdir()
    graph, _ = exported(directory, tmp_path / 'graph.pb')
    for write in (
        lambda: exported(directory, target / 'x.pb', format='frozen'),
        lambda: exported(directory, target / 'x', format='saved_model'),
        lambda: frozen(directory, target, graph),
    ):
        with pytest.raises(
            UserError, match=rf'{name}: .*; run calibrate_image_classifier.py again'
        ):
            write()
        assert not os.listdir(target)
    exported(directory, target / 'x.pb', format='frozen', limits=False)
    assert model_info.read_beside(target / 'x.pb').limits == {}


def test_limits_of_another_checkpoint_are_refused(trained, tmp_path):
    directory = shutil.copytree(trained, tmp_path / 'train')
    info = model_info.read_beside(directory)
    checkpoint_files.write(directory, small_models.values(info, seed=5), step=2)
    with pytest.raises(UserError, match=r'limits\.json: belongs to another checkpoint'):
        exported(directory, tmp_path / 'x.pb', format='frozen')
    assert not (tmp_path / 'x.pb').exists()


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'Conv2d_12_pointwise': 'Elsewhere:0'}, "read the tensor 'Elsewhere:0', which"),
        ({'Conv2d_12_pointwise': f'{MAP.rpartition("/")[0]}/Conv2D'}, 'which the frozen graph'),
        ({'Conv2d_12_pointwise': 'MobilenetV1/MobilenetV1/Conv2d_0/Relu6'}, 'do not fit the graph'),
    ],
)
def test_limits_that_do_not_fit_the_graph_are_refused_in_a_line(change, words, trained, tmp_path):
    graph_def, info = plain(trained)
    found = limits_outputs.Found(fitted(trained, layers=change), 'limits.json')
    with pytest.raises(UserError, match=words) as error:
        limits_outputs.append(found, graph_def, graph_def, info)
    assert str(error.value).startswith('limits.json: the limits ')
    assert str(error.value).endswith(' or pass --nolimits')
    assert '\n' not in str(error.value)


def test_names_that_are_taken_are_refused(trained):
    graph_def, info = plain(trained)
    graph_def.node.add(name='limits/x', op='NoOp')
    found = limits_outputs.Found(fitted(trained), 'limits.json')
    with pytest.raises(UserError, match="need the name 'limits/x'"):
        limits_outputs.append(found, graph_def, graph_def, info)


def test_an_alias_stands_for_what_it_returns(trained):
    graph_def, info = plain(trained)
    source = tf.GraphDef()
    source.CopyFrom(graph_def)
    alias = source.node.add(name='alias', op='Identity', input=[MAP])
    alias.attr['T'].type = tf.float32.as_datatype_enum
    changed = fitted(trained, layers={'Conv2d_12_pointwise': 'alias:0'})
    longer, _ = limits_outputs.append(
        limits_outputs.Found(changed, 'limits.json'), graph_def, source, info
    )
    assert 'alias' not in {node.name for node in longer.node}


@pytest.mark.parametrize(
    'name',
    [
        pytest.param(name, marks=() if name == 'lenet' else pytest.mark.soak)
        for name in families.TELLING
    ],
)
def test_the_earlier_features_of_a_network_survive_freezing(name, tmp_path):
    info = small_models.describe(name, image_size=families.SMALLEST.get(name))
    directory = small_models.train_dir(tmp_path / 'train', info)
    with tf.Graph().as_default():
        network = build.build(info).network
        earlier = {
            layer: (network.end_points[layer].shape[-1], network.end_points[layer].name)
            for layer in model_specs.get_spec(name).earlier
        }
        width = network.features.shape[-1]
    limits = drawn_limits.make_limits(5, width, ('collapse', 'max_logit'), earlier)
    found = limits_outputs.Found(limits, 'limits.json')
    checkpoint = tf.train.latest_checkpoint(directory)
    without, described, _ = completion.from_checkpoint(info, checkpoint)
    frozen, info, _ = completion.from_checkpoint(info, checkpoint, limits=found)
    images = np.random.default_rng(0).uniform(
        -1, 1, [3, info.image_size, info.image_size, info.channels]
    )
    outputs = parity.outputs(frozen.graph_def, info, images)
    old = parity.outputs(without.graph_def, described, images)
    assert outputs['probabilities'].tobytes() == old['probabilities'].tobytes()
    assert np.isfinite(outputs['unknown_score']).all()
