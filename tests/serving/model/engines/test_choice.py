"""The engine is chosen from the flags and the files, and the log says why."""

import os
import re
import sys

import pytest

from classifiers import model_info
from common.errors import UserError
from common.files import digest
from deployment import precision
from serving.model.engines import choice, onnx_engine, tensorflow_engine
from serving.model.model_options import ModelOptions, PredictorOptions
from support.files import onnx_models


class Fake:
    def __init__(self, model_options, options, *more):
        self.files = more[1] if len(more) > 1 else {}
        self.lines = more[-1]


@pytest.fixture(autouse=True)
def _no_model_is_loaded(monkeypatch):
    monkeypatch.setattr(onnx_engine, 'OnnxEngine', Fake)
    monkeypatch.setattr(tensorflow_engine, 'TensorFlowEngine', Fake)


@pytest.fixture
def graph(tmp_path):
    """Return the path of a frozen graph with an ONNX file and a description."""
    path = tmp_path / 'lenet.pb'
    path.write_bytes(b'graph')
    info = onnx_models.INFO.replace(graph_sha256=digest(path))
    onnx_models.write(tmp_path, info=info, model=b'onnx')
    return os.fspath(path)


def add_int8(graph):
    onnx_models.write(os.path.dirname(graph), precision='int8', model=b'int8')


def remove_onnx(graph):
    os.remove(model_info.stem(graph) + '.onnx')


def change_onnx(graph):
    with open(model_info.stem(graph) + '.onnx', 'ab') as stream:
        stream.write(b'another')


def unlist_onnx(graph):
    path = model_info.path_beside(graph)
    model_info.write(path, model_info.read(path).replace(onnx={}))


def remove_description(graph):
    os.remove(model_info.path_beside(graph))


def nothing(graph):
    pass


def chosen(path, engine='auto', number_format='float32', is_reload=False, **flags):
    options = PredictorOptions(engine=engine, precision=number_format)
    return choice.load(ModelOptions(path, **flags), options, is_reload)


@pytest.mark.parametrize(
    ('change', 'options', 'files', 'line'),
    [
        (nothing, {}, ['float32'], r'ONNX Runtime \(\S+lenet.onnx was made from this graph\)'),
        (nothing, {'engine': 'onnx'}, ['float32'], 'ONNX Runtime'),
        (nothing, {'number_format': 'auto'}, ['float32'], 'ONNX Runtime'),
        (add_int8, {'number_format': 'auto'}, ['float32', 'int8'], 'ONNX Runtime'),
        (add_int8, {'number_format': 'int8'}, ['int8'], r'ONNX Runtime \(\S+lenet.int8.onnx'),
        (nothing, {'engine': 'tensorflow'}, [], 'TensorFlow: --engine=tensorflow was passed$'),
        (
            nothing,
            {'number_format': 'bfloat16'},
            [],
            'TensorFlow: --precision=bfloat16 needs TensorF',
        ),
        (nothing, {'input_layer': 'input'}, [], 'TensorFlow: --input_layer needs the graph$'),
        (nothing, {'input_std': 255.0}, [], 'TensorFlow: --input_std needs the graph$'),
        (remove_onnx, {}, [], r'TensorFlow: \S+lenet.onnx does not exist$'),
        (change_onnx, {}, [], r'TensorFlow: \S+lenet.onnx is not the file'),
        (unlist_onnx, {}, [], r'TensorFlow: \S+lenet.json lists no ONNX file'),
        (remove_description, {}, [], 'TensorFlow: there is no description'),
    ],
)
def test_onnx_runtime_is_used_if_its_file_was_made_from_the_graph(
    change, options, files, line, graph
):
    change(graph)
    engine = chosen(graph, **options)
    assert list(engine.files) == files
    assert re.match(f'Using {line}', engine.lines[0])


def test_the_file_in_int8_is_found_beside_the_one_that_is_named(graph):
    add_int8(graph)
    engine = chosen(model_info.stem(graph) + '.onnx', number_format='int8')
    assert list(engine.files) == ['int8']
    assert engine.lines[0].endswith('lenet.int8.onnx was made from this graph)')


def test_auto_says_why_there_is_no_int8(graph):
    line = chosen(graph, number_format='auto').lines[1]
    assert line == f'Using float32: {model_info.path_beside(graph)} lists no ONNX file in int8'


def test_checkpoints_and_directories_are_run_by_tensorflow(tmp_path):
    engine = chosen(os.fspath(tmp_path))
    assert engine.lines == (f'Using TensorFlow: {tmp_path} is not a frozen graph',)


def test_an_onnx_file_needs_no_graph(graph):
    add_int8(graph)
    os.remove(graph)
    for precision_, ending in model_info.ONNX_ENDINGS.items():
        engine = chosen(model_info.stem(graph) + ending)
        assert list(engine.files) == [precision_]
        assert engine.lines[0].endswith('was named)')


@pytest.mark.parametrize(
    ('change', 'options', 'message'),
    [
        (
            remove_onnx,
            {'engine': 'onnx'},
            '--engine=onnx: .*lenet.onnx does not exist; name a model with an ONNX file, .*',
        ),
        (
            nothing,
            {'engine': 'onnx', 'input_layer': 'a'},
            '--engine=onnx: --input_layer needs the graph; leave that flag out',
        ),
        (
            nothing,
            {'engine': 'onnx', 'number_format': 'bfloat16'},
            '--engine=onnx: --precision=bfloat16 needs TensorFlow; leave that flag out',
        ),
        (
            nothing,
            {'number_format': 'int8'},
            '--precision=int8: .* lists no ONNX file in int8; .* as freeze_graph.py --int8 writes',
        ),
        (
            add_int8,
            {'number_format': 'int8', 'engine': 'tensorflow'},
            '--precision=int8: needs ONNX Runtime, but --engine=tensorflow was passed; '
            'leave that flag out',
        ),
    ],
)
def test_the_message_says_what_contradicts_and_what_to_do(change, options, message, graph):
    change(graph)
    with pytest.raises(UserError) as caught:
        chosen(graph, **options)
    assert re.fullmatch(message, str(caught.value))


@pytest.mark.parametrize(
    'options', [{'engine': 'tensorflow'}, {'number_format': 'bfloat16'}, {'output_layer': 'a'}]
)
def test_tensorflow_cannot_run_an_onnx_file(options, graph):
    with pytest.raises(
        UserError, match=r'lenet.onnx: an ONNX model needs ONNX Runtime, but .*\.pb'
    ):
        chosen(model_info.stem(graph) + '.onnx', **options)


def test_without_onnx_runtime_tensorflow_is_used(graph, monkeypatch):
    monkeypatch.setattr(choice, '_is_installed', lambda package: package != 'onnxruntime')
    assert chosen(graph).lines == ('Using TensorFlow: onnxruntime is not installed',)
    with pytest.raises(UserError, match=r'^--engine=onnx: .* not installed; run scripts/setup_env'):
        chosen(graph, engine='onnx')


def test_a_damaged_onnx_runtime_is_not_used(graph, tmp_path, monkeypatch):
    (tmp_path / 'onnxruntime.py').write_text("raise ImportError('a library\\nis missing')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'onnxruntime', raising=False)
    (line,) = chosen(graph).lines
    assert line == ('Using TensorFlow: onnxruntime cannot be imported (a library is missing)')


def test_without_tensorflow_only_models_with_an_onnx_file_can_be_used(graph, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, '_is_installed', lambda package: package != 'tensorflow')
    assert list(chosen(graph).files) == ['float32']
    with pytest.raises(
        UserError, match=r'TensorFlow is not installed, and .* is not a frozen graph; name a model'
    ):
        chosen(os.fspath(tmp_path))
    with pytest.raises(UserError, match=r'TensorFlow is not installed, .*; leave that flag out$'):
        chosen(graph, engine='tensorflow')


def test_a_model_stays_with_tensorflow_where_it_sees_a_gpu(graph, monkeypatch):
    monkeypatch.setattr(precision, 'has_gpu', lambda: True)
    assert chosen(graph).lines == ('Using TensorFlow: TensorFlow sees a GPU',)
    assert chosen(graph, engine='onnx').files
    assert chosen(model_info.stem(graph) + '.onnx').files
    add_int8(graph)
    assert chosen(graph, number_format='int8').files


def test_while_new_files_are_copied_the_old_model_stays(graph):
    change_onnx(graph)
    with pytest.raises(UserError, match='is not the file'):
        chosen(graph, is_reload=True)
    unlist_onnx(graph)
    assert not chosen(graph, is_reload=True).files
