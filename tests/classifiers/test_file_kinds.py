"""Models of other programs are recognised by their content, whatever they are called."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from classifiers import checkpoint_paths, file_kinds
from common.errors import UserError
from serving import early_checks


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name in names:
            archive.writestr(name, b'x')
    return stream.getvalue()


def safetensors():
    header = json.dumps(
        {'__metadata__': {}, 'w': {'dtype': 'F32', 'shape': [1], 'data_offsets': [0, 4]}}
    ).encode()
    return len(header).to_bytes(8, 'little') + header + bytes(4)


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        archive.addfile(tarfile.TarInfo('model.ckpt.index'))
    return stream.getvalue()


FOREIGN = {
    'resnet50.pth': (zipped('archive/data.pkl', 'archive/data/0'), 'a PyTorch checkpoint'),
    'old.pth.tar': (b'\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.rest', 'a PyTorch checkpoint'),
    'model.safetensors': (safetensors(), 'weights in safetensors'),
    'model.tflite': (b'\x1c\0\0\0TFL3' + bytes(40), 'a TensorFlow Lite model'),
    'model.onnx': (b'\x08\x08\x12\x07pytorch\x1a\x052.1.0', 'an ONNX model'),
    'model.h5': (b'\x89HDF\r\n\x1a\n' + bytes(40), 'an HDF5 file, such as a Keras model'),
    'model.keras': (zipped('config.json', 'metadata.json', 'model.weights.h5'), 'a Keras model'),
    'model.ckpt.tar.gz': (gzip.compress(b'x'), 'an archive; unpack it'),
    'model.ckpt.tar': (tarred(), 'an archive; unpack it'),
    'page.ckpt': (b'\n<!DOCTYPE html><p>Not found', 'a web page; download the file itself'),
    'pointer.ckpt': (
        b'version https://git-lfs.github.com/spec/v1\noid sha256:1234\nsize 9\n',
        'a pointer of Git LFS; download the file itself',
    ),
    'model.ckpt.zip': (zipped('model.ckpt.index'), 'an archive; unpack it'),
}


@pytest.mark.parametrize('name', FOREIGN)
@pytest.mark.parametrize('called', [None, 'model.ckpt', 'graph.pb'])
def test_models_of_other_programs_are_called_what_they_are(name, called, tmp_path):
    content, words = FOREIGN[name]
    path = tmp_path / (called or name)
    path.write_bytes(content)
    assert file_kinds.foreign(path).startswith(words)
    for check in (early_checks.model, early_checks.graph, checkpoint_paths.require):
        with pytest.raises(UserError) as error:
            check(str(path))
        assert str(error.value).startswith(f'{path}: {words}')


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'\x08',
        b'\x08\x01\x12',
        b'PK',
        b'PK\x03\x04 cut',
        bytes(600),
        b'\x10\0\0\0\0\0\0\0{"no": "tensors"',
        (200_000).to_bytes(8, 'little') + b'{"a":' + b'[' * 199_995,
        b'\x0a\x10\x0a\x05input\x12\x0bPlaceholder',  # A GraphDef.
        b'\x08\x01\x12\x0a\x0a\x08',  # A SavedModel.
        b'node { name: "input" op: "Placeholder" }',
    ],
)
def test_all_else_is_left_to_those_who_read_it(content, tmp_path):
    path = tmp_path / 'graph.pb'
    path.write_bytes(content)
    assert file_kinds.foreign(path) == ''
    early_checks.graph(str(path))


def test_what_is_no_graph_of_tensorflows_own_is_named_too(tmp_path):
    (tmp_path / 'saved').mkdir()
    (tmp_path / 'saved/saved_model.pb').write_bytes(b'')
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train/model.ckpt-4.index').write_bytes(b'')
    (tmp_path / 'empty').mkdir()
    for name, words in {
        'saved': 'a SavedModel; name a graph',
        'train': 'a directory of checkpoints; name a graph',
        'empty': 'a directory and not a file; name a graph',
        'train/model.ckpt-4': 'a checkpoint; name a graph',
        'absent.pb': 'No such file',
    }.items():
        with pytest.raises(UserError) as error:
            early_checks.graph(str(tmp_path / name))
        assert str(error.value).startswith(f'{tmp_path / name}: {words}')
