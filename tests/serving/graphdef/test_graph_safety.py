"""A graph is a program: what touches files, network, processes or Python is not run unasked."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from classifiers import build
from common.errors import UserError
from heads.limits import limits_graph, measures
from heads.limits.limits import FEATURES
from serving.export import completion
from serving.export.freeze import freeze
from serving.export.freeze_options import FreezeOptions
from serving.graphdef import graph_edits, graph_nodes, graph_safety
from serving.model.engines import graph_model
from serving.model.model_options import ModelOptions
from serving.terminal import classify
from serving.terminal.classify_options import ClassifyOptions
from support import families, limits
from support.files import checkpoint_files, frozen_graphs, small_models

DANGEROUS = (
    # Files.
    'ReadFile', 'WriteFile', 'MatchingFiles', 'ShardedFilename', 'MergeV2Checkpoints',
    'Save', 'SaveSlices', 'SaveV2', 'Restore', 'RestoreSlice', 'RestoreV2', 'ImmutableConst',
    'LoadAndRemapMatrix', 'GenerateVocabRemapping', 'InitializeTableFromTextFileV2',
    'FileSystemSetConfiguration', 'DecodeProtoV2', 'PrintV2', 'CreateSummaryFileWriter',
    'CreateSummaryDbWriter', 'WriteSummary', 'DumpTensor',
    # Readers and data sets.
    'WholeFileReaderV2', 'TextLineReaderV2', 'TFRecordReaderV2', 'FixedLengthRecordReaderV2',
    'LMDBReader', 'ReaderReadV2', 'RecordInput', 'TFRecordDataset', 'TextLineDatasetV2',
    'SqlDataset', 'IteratorV2', 'OneShotIterator', 'IteratorGetNext', 'QueueDequeueV2',
    # Network and other processes.
    'RpcClient', 'RpcCall', 'RpcServer', '_Send', '_Recv', '_HostRecv', 'RemoteCall',
    'CollectiveReduceV2', 'DebugIdentity', 'DebugIdentityV3', 'DebugNumericSummary',
    'DataServiceDatasetV4', 'RegisterDatasetV2', 'WorkerHeartbeat', 'ConfigureDistributedTPU',
    'TPUExecute', 'XlaLaunch', 'InfeedEnqueue', 'GetSessionHandleV2',
    # Python, and programs of the author's own.
    'PyFunc', 'EagerPyFunc', 'PyFuncStateless', 'Abort', 'SomebodysOwnOp', 'TRTEngineOp',
    # What outlives a run.
    'VarHandleOp', 'VariableV2', 'AssignVariableOp', 'HashTableV2', 'Stage', 'MutexV2',
)  # fmt: skip


def of(op, name='odd/node'):
    graph_def = tf.GraphDef()
    graph_def.node.add(name='input', op='Placeholder')
    graph_def.node.add(name=name, op=op)
    return graph_def


@pytest.mark.parametrize('op', DANGEROUS)
def test_an_operation_that_no_classifier_needs_is_refused(op):
    with pytest.raises(UserError) as error:
        graph_safety.check('a.pb', of(op))
    words = f'a.pb: its node odd/node is the operation {op}, which no classifier needs'
    assert str(error.value).startswith(words)
    assert '--allow_unsafe_graph' in str(error.value)
    (line,) = graph_safety.check('a.pb', of(op), accept=True)
    assert line == f'Running a.pb although its node odd/node is the operation {op}, as requested'


def test_names_in_a_graph_give_no_orders_to_a_terminal():
    with pytest.raises(UserError) as error:
        graph_safety.check('a.pb', of('ReadFile', 'a\n\x1b[2J' + 'x' * 1000))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_the_list_names_operations_that_there_are():
    definition = graph_edits.operation_definition
    assert [op for op in graph_safety.WITH_VARIABLES if definition(op) is None] == []


@pytest.mark.parametrize('depth', [1, 2])
def test_the_bodies_of_functions_are_searched(depth):
    graph_def = of('PartitionedCall', 'call')
    for number in range(depth):
        function = graph_def.library.function.add()
        function.signature.name = f'body_{number}'
        is_last = number == depth - 1
        # A function is called by its name or through an attribute.
        op = 'ReadFile' if is_last else f'body_{number + 1}'
        function.node_def.add(name='inner', op=op)
    with pytest.raises(UserError, match=rf'inner \(in the function body_{depth - 1}\) .* ReadFile'):
        graph_safety.check('a.pb', graph_def)


def test_a_function_cannot_pose_as_an_operation():
    graph_def = of('ReadFile')
    graph_def.library.function.add().signature.name = 'ReadFile'
    with pytest.raises(UserError, match='odd/node is the operation ReadFile'):
        graph_safety.check('a.pb', graph_def)


def classifier(bias):
    """Add a small classifier whose result `bias` is a part of."""
    pixels = tf.placeholder(tf.float32, [None, 8, 8, 3], 'input')
    weights = np.ones((3, 4), np.float32)
    tf.nn.softmax(tf.matmul(tf.reduce_mean(pixels, [1, 2]), weights) + bias, name='softmax')


def number_in(path):
    return tf.string_to_number(tf.io.read_file(os.fspath(path)))


def in_a_branch(path):
    """Read a file in a function of a function."""
    is_dark = lambda: tf.equal(tf.constant(0), 0)  # noqa: E731
    return tf.cond(
        is_dark(), lambda: tf.cond(is_dark(), lambda: number_in(path), lambda: 2.0), lambda: 1.0
    )


def written(directory, add):
    path = directory / 'graph.pb'
    path.write_bytes(frozen_graphs.build(add).SerializeToString())
    return os.fspath(path)


@pytest.mark.parametrize('read', [number_in, in_a_branch])
def test_a_graph_that_reads_a_file_is_loaded_only_when_asked_for(read, tmp_path):
    (tmp_path / 'secret').write_text('7')
    path = written(tmp_path, lambda: classifier(read(tmp_path / 'secret')))
    options = {'input_mean': 0, 'input_std': 255}
    with pytest.raises(UserError, match='is the operation ReadFile'):
        graph_model.load(ModelOptions(path, **options))
    model = graph_model.load(ModelOptions(path, allow_unsafe_graph=True, **options))
    assert [line for line in model.lines if 'ReadFile' in line]


def test_classify_image_refuses_it(tmp_path):
    path = written(tmp_path, lambda: classifier(number_in(__file__)))
    of_model = ModelOptions(input_mean=0, input_std=255)
    options = ClassifyOptions(model=path, of_model=of_model, paths=(__file__,))
    with pytest.raises(UserError, match='is the operation ReadFile'):
        classify.classify(options)


def test_what_the_output_does_not_need_is_left_out(tmp_path):
    """As in graphs that were frozen with the queues and readers of their training."""

    def add():
        classifier(0.0)
        queue = tf.FIFOQueue(2, [tf.string])
        contents = tf.WholeFileReader().read(queue)[1]
        tf.io.write_file(os.fspath(tmp_path / 'left_by_the_graph'), contents, name='leave')

    model = graph_model.load(ModelOptions(written(tmp_path, add), input_mean=0, input_std=255))
    names = {operation.name for operation in model.graph.get_operations()}
    assert 'softmax' in names
    assert 'leave' not in names


def test_freezing_runs_nothing_of_that_kind(tmp_path):
    (tmp_path / 'secret').write_text('7')

    def add():
        with tf.variable_scope('', use_resource=False):
            classifier(tf.get_variable('w', [3])[0] + number_in(tmp_path / 'secret'))

    path = written(tmp_path, add)
    checkpoint = checkpoint_files.write(tmp_path / 'train')
    arguments = path, checkpoint, os.fspath(tmp_path / 'frozen.pb'), ('softmax',)
    with pytest.raises(UserError, match='is the operation ReadFile'):
        freeze(FreezeOptions(*arguments))
    freeze(FreezeOptions(*arguments, allow_unsafe_graph=True))


LARGE = (  # They take seconds to build.
    'inception_resnet_v2',
    'inception_v3',
    'inception_v4',
    'nasnet_mobile',
    'pnasnet_mobile',
)


@pytest.mark.parametrize(
    'name',
    [pytest.param(n, marks=pytest.mark.soak if n in LARGE else ()) for n in families.SMALLEST],
)
def test_no_network_of_ours_is_refused(name):
    info = small_models.describe(name, image_size=families.SMALLEST[name])
    with tf.Graph().as_default() as graph:
        outputs = list(build.build(info).nodes.values())
    prepared = completion.prune(graph.as_graph_def(), outputs)
    assert graph_safety.check('a.pb', prepared, allowed=graph_safety.WITH_VARIABLES) == ()


def test_the_limits_of_a_model_are_not_refused():
    known = limits.make_limits(names=tuple(measures.MEASURES), others={'maps': (4, 'maps:0')})

    def build_limits():
        maps = limits_graph.averaged(tf.placeholder(tf.float32, [None, 3, 3, 4]))
        layers = {FEATURES: tf.placeholder(tf.float32, [None, 8]), 'maps': maps}
        limits_graph.build(known, tf.placeholder(tf.float32, [None, 5]), layers)

    assert graph_safety.check('a.pb', frozen_graphs.build(build_limits)) == ()


def test_a_frozen_graph_of_ours_is_not_refused(graph):
    assert graph_safety.check(graph, graph_nodes.read_graph_def(graph)) == ()
