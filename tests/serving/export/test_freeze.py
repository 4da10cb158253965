"""A graph and a checkpoint become one file that any program reads, with its description."""

import base64
import os
import resource

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
from google.protobuf import text_format
from tensorflow.python.tools import freeze_graph as tensorflows_tool

from classifiers import build, checkpoints, model_info
from common import labels
from common.errors import UserError
from serving.export import export, freeze
from serving.export.export_options import ExportOptions
from serving.export.freeze_options import FreezeOptions
from serving.graphdef import graph_nodes, summarize
from support.files import checkpoint_files, frozen_graphs, records, small_models
from support.shell import fresh_process

OUTPUTS = {
    'lenet': 'Predictions/Reshape_1',
    'mobilenet_v1_025': 'MobilenetV1/Predictions/Reshape_1',
}
TRAINING_KINDS = {'Assign', 'AssignSub', 'RandomUniform', 'ReadVariableOp', 'SaveV2', 'RestoreV2'}
FORBIDDEN = {'Variable', 'VariableV2', 'VarHandleOp', 'FusedBatchNormV3', *TRAINING_KINDS}


def describe(name='lenet', **changes):
    return small_models.describe(name, image_size=64 if 'mobile' in name else None, **changes)


def train(directory, info=None, **options):
    return small_models.train_dir(directory / 'train', info or describe(), **options)


def exported(directory, name='graph.pb', **options):
    path = os.path.join(directory, name)
    export.export(ExportOptions(output_file=path, **options), report=lambda line: None)
    return path


def frozen(graph, checkpoint, output=OUTPUTS['lenet'], onnx=False, **options):
    path = os.path.join(os.path.dirname(graph), 'frozen.pb')
    freeze.freeze(FreezeOptions(graph, checkpoint, path, (output,), onnx=onnx, **options))
    return path


def pictures(count, side=70):
    return [records.encoded(records.picture(n, side, side + 9), 'png') for n in range(count)]


def probabilities(path, encoded):
    graph_def = graph_nodes.read_graph_def(path)
    return frozen_graphs.run(graph_def, {'image_bytes:0': encoded}, 'probabilities:0')


def expected(directory, info, encoded, suffix=''):
    """Return what the unfrozen network tells, filled without any of our code for it."""
    path = tf.train.latest_checkpoint(directory)
    with tf.Graph().as_default(), tf.Session() as session:
        classifier = build.build(info)
        variables = classifier.network.variables
        tf.train.Saver({v.op.name + suffix: v for v in variables}).restore(session, path)
        feed = {classifier.image_bytes: encoded}
        return session.run(classifier.network.probabilities, feed)


@pytest.mark.parametrize(
    'name',
    [pytest.param(name, marks=pytest.mark.soak if name == 'lenet' else ()) for name in OUTPUTS],
)
def test_a_frozen_graph_needs_nothing_of_this_project(name, tmp_path):
    info = describe(name)
    directory = train(tmp_path, info)
    path = frozen(exported(tmp_path, checkpoint_path=directory), directory, OUTPUTS[name])
    kinds = frozen_graphs.kinds(graph_nodes.read_graph_def(path))
    assert not kinds & FORBIDDEN
    assert not [kind for kind in kinds if 'Queue' in kind or 'Iterator' in kind]
    encoded = pictures(7)
    wanted = expected(directory, info, encoded)
    texts = [base64.b64encode(data).decode() for data in encoded]
    images = np.linspace(-1, 1, info.image_size**2 * info.channels * 7).reshape(
        7, info.image_size, info.image_size, info.channels
    )
    seven, one, by_pixels, single = fresh_process.run_graph(
        tmp_path,
        path,
        [
            ('image_bytes', texts),
            ('image_bytes', texts[:1]),
            ('input', images.tolist()),
            ('input', images[:1].tolist()),
        ],
        OUTPUTS[name],
    )
    np.testing.assert_allclose(seven, wanted, atol=1e-5)
    np.testing.assert_allclose(one, wanted[:1], atol=1e-5)
    assert np.shape(by_pixels) == (7, 5)
    np.testing.assert_allclose(single, by_pixels[:1], atol=1e-5)


def test_it_is_described_and_its_outputs_are_named(tmp_path):
    directory = train(tmp_path)
    path = frozen(exported(tmp_path, checkpoint_path=directory), directory)
    info = model_info.read_beside(path)
    assert info.class_names == small_models.CLASSES
    assert info.nodes == {
        'image_bytes': 'image_bytes',
        'input': 'input',
        'output': 'Predictions/Reshape_1',
        'logits': 'logits',
        'probabilities': 'probabilities',
        'features': 'features',
    }
    assert info.graph_sha256 == model_info.graph_sha256(path)
    assert info.versions['tensorflow'] == tf.__version__
    named = labels.read_labels(tmp_path / 'frozen.label')
    assert named == dict(enumerate(small_models.CLASSES))
    assert sorted(os.listdir(tmp_path)) == [
        'frozen.json',
        'frozen.label',
        'frozen.pb',
        'graph.json',
        'graph.pb',
        'train',
    ]


def test_tensorflows_own_tool_freezes_an_exported_graph(tmp_path):
    info = describe('mobilenet_v1_025')
    directory = train(tmp_path, info)
    graph = exported(tmp_path, checkpoint_path=directory)
    path = str(tmp_path / 'theirs.pb')
    with tf.Graph().as_default():
        tensorflows_tool.freeze_graph(
            input_graph=graph,
            input_saver='',
            input_binary=True,
            input_checkpoint=tf.train.latest_checkpoint(directory),
            output_node_names='probabilities',
            restore_op_name='save/restore_all',
            filename_tensor_name='save/Const:0',
            output_graph=path,
            clear_devices=True,
            initializer_nodes='',
        )
    encoded = pictures(2)
    wanted = probabilities(path, encoded)
    ours = probabilities(frozen(graph, directory, 'probabilities'), encoded)
    np.testing.assert_allclose(ours, wanted, atol=1e-5)


def test_text_directory_and_first_version_are_read(tmp_path):
    info = describe()
    directory = str(tmp_path / 'train')
    for step in (3, 20):
        checkpoint_files.write(directory, small_models.values(info, step), step=step, v1=True)
    model_info.write(directory, info)
    graph = exported(tmp_path, 'graph.pbtxt', checkpoint_path=directory, write_text_graphdef=True)
    assert (tmp_path / 'graph.pbtxt').read_text().startswith('node {')
    encoded = pictures(1)
    ours = probabilities(frozen(graph, directory), encoded)
    np.testing.assert_allclose(ours, expected(directory, info, encoded), atol=1e-5)


def test_moving_averages_are_frozen_in_when_there_were_some(tmp_path):
    info = describe().replace(moving_average_decay=0.9)
    directory, suffix = str(tmp_path / 'train'), checkpoints.AVERAGE_SUFFIX
    averages = {k + suffix: v for k, v in small_models.values(info, 1).items()}
    checkpoint_files.write(directory, {**small_models.values(info), **averages}, step=1)
    model_info.write(directory, info)
    graph, encoded = exported(tmp_path, checkpoint_path=directory), pictures(2)
    averaged = expected(directory, info, encoded, suffix)
    plain = expected(directory, info, encoded)
    np.testing.assert_allclose(
        probabilities(frozen(graph, directory), encoded), averaged, atol=1e-5
    )
    path = frozen(graph, directory, use_moving_averages=False)
    np.testing.assert_allclose(probabilities(path, encoded), plain, atol=1e-5)
    os.unlink(os.path.join(directory, model_info.FILE_NAME))
    os.unlink(model_info.path_beside(graph))
    path = frozen(graph, directory, use_moving_averages=True)
    np.testing.assert_allclose(probabilities(path, encoded), averaged, atol=1e-5)


def graph_of_another_program(directory, use_resource=False):
    """Write a GraphDef with all that one of 1.x may hold, and its checkpoint."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 4, 4, 2], 'images')
        with tf.variable_scope('old', use_resource=use_resource), tf.device('/job:ps/task:0'):
            weights = tf.get_variable('weights', [3, 3, 2, 5])
            table = tf.get_variable('table', [5], initializer=tf.ones_initializer())
            mean = tf.get_variable('mean', [5], trainable=False)
        update = tf.assign_sub(mean, 0.1 * mean)
        net = tf.nn.conv2d(images, weights, 1, 'SAME')
        with tf.control_dependencies([update]):
            net = tf.identity(net) - mean
        pred = tf.equal(tf.shape(images)[0], 1, 'is_one')
        tf.disable_control_flow_v2()
        try:
            net = tf.cond(pred, lambda: net * tf.identity(table), lambda: net * table)
        finally:
            tf.enable_control_flow_v2()
        tf.reduce_sum(tf.check_numerics(net, 'bad'), [1, 2], name='scores')
        saver = tf.train.Saver([weights, table, mean])
        graph_def = graph.as_graph_def()
        values = dict(zip(('old/weights', 'old/table', 'old/mean'), _values(), strict=True))
        prefix = checkpoint_files.write(directory, values, name='old.ckpt')
        (directory / 'graph.pb').write_bytes(graph_def.SerializeToString())
        (directory / 'saver.pbtxt').write_text(text_format.MessageToString(saver.as_saver_def()))
        del session
    return str(directory / 'graph.pb'), prefix


def _values():
    generator = np.random.default_rng(3)
    return [generator.normal(size=s).astype(np.float32) for s in ((3, 3, 2, 5), (5,), (5,))]


def scores(images):
    weights, table, mean = _values()
    net = tf.nn.conv2d(images, weights, 1, 'SAME') - mean
    return tf.reduce_sum(net * table, [1, 2])


@pytest.mark.parametrize('use_resource', [False, True])
def test_graphs_of_other_programs_freeze(use_resource, tmp_path):
    graph, checkpoint = graph_of_another_program(tmp_path, use_resource)
    path = frozen(graph, checkpoint, 'scores')
    graph_def = graph_nodes.read_graph_def(path)
    assert not frozen_graphs.kinds(graph_def) & {*FORBIDDEN, 'CheckNumerics', 'AssignSubVariableOp'}
    assert {node.device for node in graph_def.node} == {''}
    assert not os.path.exists(tmp_path / 'frozen.json')
    for count in (1, 3):
        images = np.random.default_rng(count).normal(size=(count, 4, 4, 2)).astype(np.float32)
        found = frozen_graphs.run(graph_def, {'images:0': images}, 'scores:0')
        with tf.Graph().as_default(), tf.Session() as session:
            np.testing.assert_allclose(found, session.run(scores(images)), atol=1e-4)


def test_devices_stay_when_they_are_wanted(tmp_path):
    graph, checkpoint = graph_of_another_program(tmp_path)
    path = frozen(graph, checkpoint, 'scores', clear_devices=False)
    devices = {node.device for node in graph_nodes.read_graph_def(path).node}
    assert '/job:ps/task:0' in devices


def test_a_graphs_own_saver_and_initializers_are_run(tmp_path):
    graph, checkpoint = graph_of_another_program(tmp_path)
    images = np.ones((2, 4, 4, 2), np.float32)
    plain = frozen_graphs.run(
        graph_nodes.read_graph_def(frozen(graph, checkpoint, 'scores')),
        {'images:0': images},
        'scores:0',
    )
    for options, divisor in (
        ({'input_saver': str(tmp_path / 'saver.pbtxt')}, 1),
        # The table is ones, whatever the checkpoint has.
        ({'initializer_nodes': ('old/table/Assign',)}, _values()[1]),
    ):
        path = frozen(graph, checkpoint, 'scores', **options)
        found = frozen_graphs.run(
            graph_nodes.read_graph_def(path), {'images:0': images}, 'scores:0'
        )
        np.testing.assert_allclose(found, plain / divisor, rtol=1e-3)


def test_an_initializer_that_cannot_run_is_named(tmp_path):
    graph, checkpoint = graph_of_another_program(tmp_path)
    with pytest.raises(UserError) as error:
        frozen(graph, checkpoint, 'scores', initializer_nodes=('scores',))
    message = str(error.value)
    assert message.startswith('--initializer_nodes=scores: ')
    assert 'Graph execution error' not in message
    assert 'Detected at node' not in message


def test_a_graph_without_description_takes_that_of_its_checkpoint(tmp_path):
    info = describe()
    directory = train(tmp_path, info)
    graph = exported(tmp_path, checkpoint_path=directory)
    os.unlink(model_info.path_beside(graph))
    path = frozen(graph, directory)
    found = model_info.read_beside(path)
    assert (found.class_names, found.image_size) == (info.class_names, 28)
    assert found.nodes['image_bytes'] == 'image_bytes'


def test_without_any_description_the_nodes_tell_the_network(tmp_path):
    directory = train(tmp_path, described=False)
    graph = exported(tmp_path, model_name='lenet', dataset_name='flowers')
    os.unlink(model_info.path_beside(graph))
    found = model_info.read_beside(frozen(graph, directory))
    assert (found.model_name, found.num_classes, found.channels) == ('lenet', 5, 1)
    assert not os.path.exists(tmp_path / 'frozen.label')


def test_another_size_than_in_training_is_warned_of(tmp_path, caplog):
    info = describe('mobilenet_v1_025')
    directory = train(tmp_path, info)
    graph = exported(tmp_path, checkpoint_path=directory, image_size=96)
    with caplog.at_level('INFO', 'tensorflow'):
        path = frozen(graph, directory, OUTPUTS['mobilenet_v1_025'])
    assert 'WARNING' in caplog.text
    assert 'image_size 96' in caplog.text
    assert model_info.read_beside(path).image_size == 96


def test_mistakes_are_told_in_a_line(tmp_path):
    directory = train(tmp_path)
    graph = exported(tmp_path, checkpoint_path=directory)
    with pytest.raises(UserError, match=r'no node .Prediction.*Predictions/Reshape_1'):
        frozen(graph, directory, 'Prediction')
    with pytest.raises(UserError, match='no such checkpoint'):
        frozen(graph, str(tmp_path / 'nowhere'))
    with pytest.raises(UserError, match=r'--output_graph.*input graph'):
        freeze.freeze(FreezeOptions(graph, directory, graph, (OUTPUTS['lenet'],)))
    with pytest.raises(UserError, match='--output_node_names is missing'):
        freeze.freeze(FreezeOptions(graph, directory, 'x.pb', ()))
    with pytest.raises(UserError, match=r'would replace .*model.json'):
        path = os.path.join(directory, 'model.pb')
        freeze.freeze(FreezeOptions(graph, directory, path, (OUTPUTS['lenet'],)))
    (tmp_path / 'damaged.pb').write_bytes(b'\x00\x01' * 50)
    with pytest.raises(UserError, match='not a GraphDef'):
        frozen(str(tmp_path / 'damaged.pb'), directory)
    other = exported(tmp_path, 'other.pb', model_name='lenet', dataset_name='mnist')
    with pytest.raises(UserError, match=r'num_classes is 10 in .*other.json and 5 in'):
        frozen(other, directory)
    os.unlink(os.path.join(directory, model_info.FILE_NAME))
    with pytest.raises(UserError, match='has 5 classes in the checkpoint and 10 here'):
        frozen(other, directory)


def test_a_full_disk_leaves_the_old_graph_and_its_description(tmp_path):
    directory = train(tmp_path)
    path = exported(tmp_path, checkpoint_path=directory, format='frozen')
    names = ['graph.json', 'graph.label', 'graph.pb']
    before = [(tmp_path / name).read_bytes() for name in names]
    info = describe(class_names=tuple('vwxyz'))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limit[1]))
    try:
        with pytest.raises(UserError, match=r'graph.pb: cannot be written \(File too large'):
            freeze.write_described(path, b'x' * 5000, info)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert sorted(os.listdir(tmp_path)) == [*names, 'train']
    assert [(tmp_path / name).read_bytes() for name in names] == before
    assert model_info.read_beside(path).class_names == small_models.CLASSES


@pytest.mark.parametrize('name', ['folder', 'folder/', 'new/', 'pipe'])
def test_a_graph_takes_the_place_of_a_file_alone(name, tmp_path):
    (tmp_path / 'folder').mkdir()
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(UserError, match=rf'--output_file=.*{name}: .*; name a file to write'):
        exported(tmp_path, name, model_name='lenet')
    options = FreezeOptions('graph.pb', 'train', f'{tmp_path}/{name}', ('probabilities',))
    with pytest.raises(UserError, match=rf'--output_graph=.*{name}: .*; name a file to write'):
        freeze.freeze(options)
    assert sorted(path.name for path in tmp_path.rglob('*')) == ['folder', 'pipe']


def test_a_graph_is_not_frozen_twice(tmp_path):
    directory = train(tmp_path)
    path = frozen(exported(tmp_path, checkpoint_path=directory), directory)
    again = str(tmp_path / 'again.pb')
    options = FreezeOptions(path, directory, again, (OUTPUTS['lenet'],))
    with pytest.raises(UserError, match=r'--input_graph=.*frozen.pb: holds no variables, it'):
        freeze.freeze(options)
    assert not [name for name in os.listdir(tmp_path) if name.startswith('again')]


def test_outputs_that_need_no_weights_are_told_from_a_frozen_graph(tmp_path):
    graph, checkpoint = graph_of_another_program(tmp_path)
    with pytest.raises(UserError, match=r'--output_node_names=is_one: depend on no variable of'):
        frozen(graph, checkpoint, 'is_one')


def test_a_graph_is_summarized(tmp_path):
    directory = train(tmp_path)
    graph = exported(tmp_path, checkpoint_path=directory)
    text = '\n'.join(summarize.summarize(graph))
    assert 'input (float32 [?, 28, 28, 1])' in text
    assert 'image_bytes (string [?])' in text
    assert 'probabilities' in text
    assert 'Variables: 8, 3,' in text
    text = '\n'.join(summarize.summarize(frozen(graph, directory)))
    assert 'the graph is frozen' in text
    assert '2 Conv2D' in text
