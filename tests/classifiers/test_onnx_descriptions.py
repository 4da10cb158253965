"""The description of an ONNX file, with and without the graph that it was made from."""

import os

import pytest

from classifiers import model_info
from common.errors import UserError
from serving import early_checks

ONNX = b'\x08\x08\x12\x07tf2onnx\x1a\x051.17.0'
INFO = model_info.ModelInfo(
    model_name='lenet',
    num_classes=2,
    class_names=('daisy', 'rose'),
    image_size=28,
    channels=1,
    preprocessing_name='lenet',
    nodes={'input': 'input', 'probabilities': 'probabilities'},
)


def write(path, content):
    path.write_bytes(content)
    return model_info.graph_sha256(path)


@pytest.fixture
def model(tmp_path):
    """Write x.pb, x.onnx, x.int8.onnx and x.json; return the path of x.pb."""
    listed = {
        precision: write(tmp_path / f'x{ending}', ONNX + precision.encode())
        for precision, ending in model_info.ONNX_ENDINGS.items()
    }
    info = INFO.replace(graph_sha256=write(tmp_path / 'x.pb', b'graph'), onnx=listed)
    model_info.write(tmp_path / 'x.json', info)
    return tmp_path / 'x.pb'


@pytest.mark.parametrize('name', ['x.pb', 'x.onnx', 'x.int8.onnx'])
def test_a_graph_and_its_onnx_files_have_one_description(name, model):
    path = model.with_name(name)
    info = model_info.read_beside(path)
    assert model_info.is_graph(path)
    assert model_info.path_beside(path) == str(model.with_name('x.json'))
    assert model_info.label_beside(path) == str(model.with_name('x.label'))
    assert info.class_names == INFO.class_names
    for precision, ending in model_info.ONNX_ENDINGS.items():
        found = model_info.find_onnx(path, info, precision)
        assert found == (str(model.with_name(f'x{ending}')), '')
    early_checks.model(str(path))


@pytest.mark.parametrize('name', ['x.onnx', 'x.int8.onnx'])
def test_an_onnx_file_needs_no_graph(name, model):
    model.unlink()
    info = model_info.read_beside(model.with_name(name))
    assert model_info.find_onnx(model, info, 'float32') == (str(model.with_name('x.onnx')), '')


def test_another_graph_does_not_use_the_onnx_file(model):
    model.write_bytes(b'another')
    with pytest.raises(UserError, match=r'x\.json: does not describe .*x\.pb \(the SHA-256 diff'):
        model_info.read_beside(model)
    assert model_info.read_beside(model.with_name('x.onnx')).class_names == INFO.class_names


def test_an_onnx_file_that_is_not_listed_is_not_used(model):
    info = model_info.read_beside(model)
    changed, other = model.with_name('x.onnx'), model.with_name('x.int8.onnx')
    changed.write_bytes(ONNX)
    path, why = model_info.find_onnx(model, info, 'float32')
    assert path is None
    assert why == (
        f'{changed} is not the file that {model.with_name("x.json")} lists (the SHA-256 differs)'
    )
    with pytest.raises(UserError, match=r'x\.json: does not describe .*x\.onnx \(the SHA-256'):
        model_info.read_beside(changed)
    os.unlink(other)
    assert model_info.find_onnx(model, info, 'int8') == (None, f'{other} does not exist')
    model_info.write(model.with_name('x.json'), info.replace(onnx={}))
    path, why = model_info.find_onnx(model, model_info.read_beside(model), 'float32')
    assert (path, why) == (None, f'{model.with_name("x.json")} lists no ONNX file in float32')
    with pytest.raises(UserError, match='it lists no file in float32'):
        model_info.read_beside(changed)


def test_an_onnx_file_exported_alone_has_its_own_description(model):
    alone = model.with_name('x.onnx')
    digest = write(alone, ONNX + b'alone')
    for content in (
        INFO.replace(graph_sha256=digest, onnx={'float32': digest}),
        INFO.replace(graph_sha256=digest),
    ):  # As releases before 1.1 wrote it.
        model_info.write(model.with_name('x.onnx.json'), content)
        info = model_info.read_beside(alone)
        assert info.onnx == {'float32': digest}
        assert model_info.path_beside(alone) == str(model.with_name('x.onnx.json'))
        assert model_info.label_beside(alone) == str(model.with_name('x.onnx.label'))
        assert model_info.find_onnx(alone, info, 'float32') == (str(alone), '')
        assert model_info.find_onnx(alone, info, 'int8')[0] is None
    # The graph beside it does not use the file, because x.json does not list it.
    assert model_info.find_onnx(model, model_info.read_beside(model), 'float32')[0] is None


def test_the_shared_description_wins_if_it_lists_the_file(model):
    model_info.write(model.with_name('x.onnx.json'), INFO.replace(graph_sha256='of another file'))
    assert model_info.path_beside(model.with_name('x.onnx')) == str(model.with_name('x.json'))
    assert model_info.read_beside(model.with_name('x.onnx')).graph_sha256 != 'of another file'


def test_a_change_of_any_file_of_a_model_can_be_seen(model):
    names = ['x.int8.onnx', 'x.json', 'x.label', 'x.onnx']
    of_graph = [os.path.basename(path) for path in model_info.files_beside(model)]
    assert sorted(of_graph) == names
    of_onnx = [os.path.basename(path) for path in model_info.files_beside(names[-1])]
    assert sorted(of_onnx) == sorted([*names[:-1], 'x.onnx.json', 'x.onnx.label'])


def test_tensors_have_the_same_names_in_both_kinds_of_description():
    assert INFO.tensor('input') == 'input:0'
    assert INFO.replace(nodes={'input': 'input:0'}).tensor('input') == 'input:0'
    assert INFO.tensor('features') == ''


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (ONNX, 'an ONNX model without its description {0}.json; copy it too'),
        (b'', 'not an ONNX model; name an ONNX model'),
        (b'\x0a\x10\x0a\x05input\x12\x0bPlaceholder', 'a graph; name an ONNX model (.onnx)'),
        (b'\x89HDF\r\n\x1a\n', 'an HDF5 file'),
        (None, 'No such file or directory'),
    ],
)
def test_a_useless_onnx_file_is_refused_early(content, words, tmp_path):
    path = tmp_path / 'y.onnx'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as error:
        early_checks.model(str(path))
    assert str(error.value).startswith(f'{path}: {words.format(tmp_path / "y")}')


def test_an_onnx_file_alone_is_refused(tmp_path):
    path = tmp_path / 'y.onnx'
    path.write_bytes(ONNX)
    with pytest.raises(UserError, match=f'^{path}: an ONNX model without its description'):
        model_info.read_beside(path)
    path.with_name('y.json').write_text('{"of": "another program"}')
    with pytest.raises(UserError, match=r'y\.json: not the description of a model'):
        model_info.read_beside(path)
