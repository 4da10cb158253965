"""model.json: written, read, and refused when it cannot be right."""

import json

import pytest

from classifiers import model_info
from common.errors import UserError

INFO = model_info.ModelInfo(
    model_name='inception_v4',
    num_classes=2,
    class_names=('雏菊', '민들레'),
    labels_offset=1,
    image_size=299,
    channels=3,
    preprocessing_name='inception',
    moving_average_decay=0.9999,
    dataset_name='my_flower_5',
    weights_source='/pre_trained/inception_v4.ckpt',
)


def change(path, **changes):
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v != 'removed'}))
    return path


@pytest.fixture
def file(tmp_path):
    model_info.write(tmp_path, INFO)
    return tmp_path / 'model.json'


def test_what_is_written_is_read(file):
    assert model_info.read(file) == INFO
    assert '雏菊' in file.read_text(encoding='utf-8')


def test_it_is_found_from_the_directory_and_from_a_checkpoint(file):
    for path in (file, file.parent, file.parent / 'model.ckpt-3'):
        assert model_info.read_beside(path) == INFO


def test_without_a_file_there_is_none(tmp_path):
    assert model_info.read_beside(tmp_path) is None
    assert model_info.read_beside(tmp_path / 'inception_v4.ckpt') is None
    assert model_info.read_beside(tmp_path / 'frozen.pb') is None


def test_a_graph_has_its_own_description(file, tmp_path):
    graph = tmp_path / 'frozen.pb'
    graph.write_bytes(b'graph')
    assert model_info.read_beside(graph) is None
    info = INFO.replace(
        nodes={'input': 'input'}, graph_sha256=model_info.graph_sha256(graph), versions={'x': '1'}
    )
    model_info.write(model_info.path_beside(graph), info)
    assert model_info.read_beside(graph) == info
    graph.write_bytes(b'another')
    with pytest.raises(UserError, match='does not describe'):
        model_info.read_beside(graph)


def test_a_foreign_json_beside_a_graph_is_left_alone(tmp_path):
    (tmp_path / 'frozen.pb').write_bytes(b'graph')
    (tmp_path / 'frozen.json').write_text('{"0": "daisy"}')
    assert model_info.read_beside(tmp_path / 'frozen.pb') is None


@pytest.mark.parametrize(
    ('graph', 'name'),
    [('net.pb', 'net'), ('net.pbtxt', 'net'), ('lenet.v2', 'lenet.v2'), ('app', 'app')],
)
def test_what_belongs_to_a_graph_is_called_as_the_graph(graph, name, tmp_path):
    path = tmp_path / graph
    written = model_info.beside_graph(path)
    assert written == str(tmp_path / f'{name}.json')
    assert model_info.beside_graph(path, '.label') == str(tmp_path / f'{name}.label')
    path.write_bytes(b'graph')
    assert model_info.path_beside(path) == written
    model_info.write(written, INFO.replace(graph_sha256=model_info.graph_sha256(path)))
    assert model_info.read_beside(path).class_names == INFO.class_names


@pytest.mark.parametrize('files', [['old.ckpt'], ['weights', 'weights.index'], ['weights.index']])
def test_a_checkpoint_is_no_graph_whatever_it_is_called(files, file):
    for name in files:
        (file.parent / name).write_bytes(b'weights')
    checkpoint = file.parent / files[0].removesuffix('.index')
    assert not model_info.is_graph(checkpoint)
    assert model_info.read_beside(checkpoint) == INFO


def test_a_graph_may_lie_in_a_directory_called_like_a_checkpoint(tmp_path):
    graph = tmp_path / 'run.ckpt' / 'app'
    graph.parent.mkdir()
    graph.write_bytes(b'graph')
    assert model_info.is_graph(graph)


def test_keys_of_a_newer_minor_version_survive(file):
    change(file, format_version='1.7', calibration=[1.5], onnx={'int4': 'hash'})
    info = model_info.read(file)
    model_info.write(file.parent, info)
    assert json.loads(file.read_text())['onnx'] == {'int4': 'hash'}
    assert json.loads(file.read_text())['calibration'] == [1.5]
    assert model_info.read(file) == info


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'format_version': '2.0'}, 'newer release'),
        ({'format_version': 'x'}, 'format_version'),
        ({'format_version': 'removed'}, 'format_version'),
        ({'model_name': 'removed'}, '"model_name" is missing'),
        ({'num_classes': '2'}, '"num_classes"'),
        ({'num_classes': True}, '"num_classes"'),
        ({'num_classes': 3}, '2 class_names'),
        ({'class_names': [], 'num_classes': 0}, 'at least 1'),
        ({'class_names': [1, 2]}, '"class_names" must contain strings'),
        ({'class_names': ['a', '\ud800']}, r"value '\\ud800', which cannot be encoded as UTF-8"),
        ({'dataset_name': '\udfff'}, 'which cannot be encoded as UTF-8'),
        ({'num_classes': 2 * 10**9, 'class_names': []}, 'at most 1,000,000'),
        ({'image_size': 10**6}, 'at most 8,192'),
        ({'image_size': -1}, 'at least 1'),
        ({'image_size': 224.5}, '"image_size"'),
        ({'channels': 4}, r'"channels" is 4; must be 1 \(grey\) or 3'),
        ({'labels_offset': -1}, '"labels_offset" is -1; must be at least 0'),
        ({'model_name': 'inception_v9'}, "unknown network 'inception_v9'"),
        ({'preprocessing_name': 'incepshun'}, "unknown preprocessing 'incepshun'"),
        ({'moving_average_decay': float('nan')}, '"moving_average_decay" is nan'),
        ({'moving_average_decay': float('inf')}, '"moving_average_decay" is inf'),
        ({'moving_average_decay': 1}, '"moving_average_decay" is 1'),
        ({'nodes': ['input']}, '"nodes"'),
        ({'nodes': {'input': 3}}, '"nodes" must contain strings'),
        ({'onnx': ['hash']}, '"onnx"'),
        ({'onnx': {'float32': None}}, '"onnx" must contain strings'),
        ({'versions': {'x': None}}, '"versions" must contain strings'),
        ({'graph_sha256': None}, '"graph_sha256"'),
        ({'moving_average_decay': 'much'}, '"moving_average_decay"'),
    ],
)
def test_what_cannot_be_right_is_refused(file, changes, message):
    with pytest.raises(UserError, match=message) as error:
        model_info.read(change(file, **changes))
    assert str(file) in str(error.value)


LIMITS = {
    'accept_known': 0.95,
    'threshold': -1.5,
    'temperature': 1.2,
    'score': 'mahalanobis(features)',
    'pictures': 40,
    'sets': {'shown': 'lac', 'temperature': 1, 'lac': {'0.9': 0.3}, 'aps': {}},
}


@pytest.mark.parametrize('limits', [{}, LIMITS, {**LIMITS, 'sets': {}}])
def test_limits_are_kept(file, limits):
    info = INFO.replace(limits=limits)
    model_info.write(file.parent, info)
    assert model_info.read(file) == info


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'accept_known': None}, '"limits/accept_known" has the value None'),
        ({'accept_known': True}, '"limits/accept_known" has the value True'),
        ({'accept_known': 1.5}, '"limits/accept_known" is 1.5; must be at least 0 and at most 1'),
        ({'threshold': float('nan')}, '"limits/threshold" is nan'),
        ({'threshold': 10**400}, '"limits/threshold" is 1000'),
        ({'temperature': 0}, '"limits/temperature" is 0; must be at least 1e-06'),
        ({'pictures': '40'}, '"limits/pictures" has the value'),
        ({'score': 3}, '"limits" must contain strings'),
        ({'score': '\ud800'}, 'cannot be encoded'),
        ({'sets': None}, '"limits/sets" has the value None'),
        ({'sets': {'shown': 'all'}}, '"limits/sets/shown" must be lac or aps'),
        ({'sets': {**LIMITS['sets'], 'temperature': -1}}, '"limits/sets/temperature" is -1'),
        ({'sets': {**LIMITS['sets'], 'aps': []}}, '"limits/sets/aps" has the value'),
        ({'sets': {**LIMITS['sets'], 'lac': {'0.9': 2}}}, '"limits/sets/lac/0.9" is 2'),
    ],
)
def test_limits_that_cannot_be_right_are_refused(file, changes, message):
    with pytest.raises(UserError, match=message) as error:
        model_info.read(change(file, limits={**LIMITS, **changes}))
    assert str(file) in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('version', ['1.0', '1.1'])
def test_a_file_of_an_older_version_has_no_limits(file, version):
    assert model_info.read(change(file, format_version=version, limits='removed')) == INFO


@pytest.mark.parametrize('content', ['', '{"model_name": ', '[]', '[' * 100_000, '\x00'])
def test_a_damaged_file_is_no_missing_file(file, content):
    file.write_text(content)
    with pytest.raises(UserError, match=r'model\.json'):
        model_info.read_beside(file.parent)


def test_outputs_without_names_are_called_by_their_label():
    assert INFO.names() == ['雏菊', '민들레']
    assert INFO.replace(class_names=()).names() == ['1', '2']


def test_a_graph_in_text_form_has_its_own_description(tmp_path):
    graph = tmp_path / 'graph.pbtxt'
    graph.write_text('node { name: "a" }')
    info = INFO.replace(graph_sha256=model_info.graph_sha256(graph))
    model_info.write(model_info.path_beside(graph), info)
    assert model_info.read_beside(graph) == info
    assert sorted(path.name for path in tmp_path.iterdir()) == ['graph.json', 'graph.pbtxt']
