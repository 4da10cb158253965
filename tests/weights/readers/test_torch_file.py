"""Files of torch.save: what is read from both formats, and that nothing in them is executed."""

import argparse
import collections
import contextlib
import io
import os
import pickle
import random
import tarfile
import time

import ml_dtypes
import numpy as np
import pytest

from common.errors import UserError
from support import torch_files
from support.torch_files import FORMATS, Storage, StoredTensor
from weights.readers import source_file, torch_file

RANDOM = np.random.default_rng(5)


def some(*shape, kind=np.float32):
    return RANDOM.normal(0, 1, shape).astype(kind)


@pytest.fixture(params=FORMATS)
def write(request, tmp_path):
    """Return a function that writes a file in one of the formats, and returns its path."""

    def written(content, **options):
        path = tmp_path / 'weights.pth'
        path.write_bytes(FORMATS[request.param](content, **options))
        return path

    return written


def error_of(path, **options):
    with pytest.raises(UserError) as error:
        torch_file.read(path, **options)
    message = str(error.value)
    assert message.startswith(f'{path}: ')
    assert message.isprintable()
    return message.removeprefix(f'{path}: ')


@pytest.mark.parametrize('protocol', [2, 4])
@pytest.mark.parametrize('kind', [np.float32, np.float64, np.float16, ml_dtypes.bfloat16])
def test_a_bare_state_dict(write, kind, protocol):
    state = {'conv.weight': some(4, 3, 3, 3, kind=kind), 'fc.bias': some(5, kind=kind)}
    source = source_file.open_source(write(collections.OrderedDict(state), protocol=protocol))
    assert list(source.tensors) == list(state)
    for name, value in state.items():
        assert source.shape(name) == value.shape
        np.testing.assert_array_equal(source.read(name), value.astype(np.float32))


def test_what_is_no_floating_point_tensor_is_left_out(write):
    state = {'w': some(2), 'count': np.array(3), 'mask': np.array([True]), 'version': 7, 3: some(1)}
    assert list(torch_file.read(write(state)).tensors) == ['w']


def test_views_share_a_storage(write):
    numbers = some(10, 10)
    shared = Storage(numbers)
    content = {
        'rows': StoredTensor(shared, (4, 5), (10, 2), 30),
        'turned': StoredTensor(shared, (10, 10), (1, 10)),
        'number': StoredTensor(shared, (), (), 12),
        'repeated': StoredTensor(shared, (1000, 1000), (0, 0)),
        'nothing': StoredTensor(shared, (0, 4), (4, 1)),
    }
    source = torch_file.read(write(content))
    np.testing.assert_array_equal(source.read('rows'), numbers[3:7, ::2])
    np.testing.assert_array_equal(source.read('turned'), numbers.T)
    assert source.read('number') == numbers[1, 2]
    assert source.read('nothing').shape == (0, 4)
    with pytest.raises(UserError, match='repeated: a tensor whose numbers repeat'):
        source.read('repeated')


def test_a_checkpoint_of_a_training(write):
    plain, averages = {'w': some(2)}, {'w': some(2)}
    wrapped = {f'module._orig_mod.{name}': value for name, value in plain.items()}
    content = {
        'epoch': 3,
        'args': argparse.Namespace(lr=0.1, size=(1, 2)),
        'best': np.float64(78.5),
        'optimizer': {'state': {0: {'step': np.ones(1, np.float32)}}, 'param_groups': [{'lr': 1}]},
        'scores': collections.defaultdict(dict, {'a': {}}),
        'seen': {1, 2},
        'state_dict': wrapped,
        'ema_state_dict': averages,
    }
    path = write(content)
    source = torch_file.read(path)
    assert source.notes == (
        'the weights are those in ema_state_dict (moving averages; there is also state_dict)',
    )
    np.testing.assert_array_equal(source.read('w'), averages['w'])
    source = torch_file.read(path, use_averages=False)
    assert source.notes == ('the weights are those in state_dict (not ema_state_dict)',)
    np.testing.assert_array_equal(source.read('w'), plain['w'])
    for name in ('model', 'model_state_dict', 'state_dict_ema'):
        source = torch_file.read(write({'epoch': 1, name: wrapped}))
        assert source.notes == (f'the weights are those in {name}',)
        assert list(source.tensors) == ['w']


def test_averages_of_an_averaged_model_have_a_counter_too(write):
    averages = {'n_averaged': np.array(3), 'module.w': some(2), 'module.count': np.array(1)}
    source = torch_file.read(write({'state_dict': {'w': some(2)}, 'ema_state_dict': averages}))
    assert list(source.tensors) == ['w']
    np.testing.assert_array_equal(source.read('w'), averages['module.w'])


def test_averages_without_statistics_of_batch_norms_are_not_taken(write):
    # AveragedModel of earlier versions of PyTorch leaves the statistics as they begin.
    zeros = np.zeros(2, np.float32)
    plain = {'bn.weight': some(2), 'bn.running_mean': some(2)}
    averages = {'module.bn.weight': some(2), 'module.bn.running_mean': zeros}
    source = torch_file.read(write({'state_dict': plain, 'ema_state_dict': averages}))
    assert source.notes == (
        'the weights are those in state_dict (the batch norms lack statistics in ema_state_dict)',
    )
    np.testing.assert_array_equal(source.read('bn.weight'), plain['bn.weight'])
    source = torch_file.read(write({'ema_state_dict': averages}))
    np.testing.assert_array_equal(source.read('bn.weight'), averages['module.bn.weight'])


@pytest.mark.parametrize('content', [{'epoch': 3}, [1, 2], {}, {'state_dict': {}}, 'text'])
def test_a_file_without_a_state_dict(write, content):
    assert error_of(write(content)).startswith('contains no state dict')


class Executes:
    """A pickle of it calls a function when it is loaded."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def hostile(marker):
    """Return {what is named in the pickle: an object whose pickle creates a file, or another}."""
    command = f'touch {marker}'
    nested = {'w': some(1), 'args': [({'a': Executes(exec, command)},)]}
    return {
        'posix.system': Executes(os.system, command),
        'builtins.eval': Executes(eval, f'__import__("os").system("{command}")'),
        'builtins.getattr': Executes(getattr, 'text', 'upper'),
        'builtins.exec': {'state_dict': nested},
        'collections.namedtuple': Executes(collections.namedtuple, 'a', 'b'),
        f'{np.load.__module__}.load': Executes(np.load, str(marker)),
        'support.torch_files.Storage': Executes(torch_files.Storage, [1]),
    }


@pytest.mark.parametrize('protocol', [2, 4])
@pytest.mark.parametrize('name', hostile('marker'))
def test_what_a_pickle_would_execute_is_refused(write, name, protocol, tmp_path):
    marker = tmp_path / 'executed'
    message = error_of(write(hostile(marker)[name], protocol=protocol))
    if protocol == 2:
        name = name.replace('builtins.', '__builtin__.')
    assert message.startswith(f'contains {name}, which is not read: only tensors, numbers and')
    assert 'save model.state_dict() with torch.save' in message
    assert not marker.exists()


def raw(*parts):
    return b'\x80\x02' + b''.join(parts) + b'.'


SYSTEM = b'cposix\nsystem\n'
HOSTILE_OPERATIONS = {
    'a call of a text': raw(b'X\x01\0\0\0a', b')R'),
    'a call of a class that is only named': raw(b'cargparse\nNamespace\n', b'(K\x01tR', b'}b'),
    'state of a name': raw(b'ctorch\nSize\n', b'}b'),
    'a class of INST': raw(b'(', b'iposix\nsystem\n'),
    'OBJ': raw(b'(', b'ctorch\nSize\n', b'o'),
    'an end alone': raw(),
    'marks alone': raw(b'(' * 100_000),
    'an extension': raw(b'\x82\x01'),
    'a persistent id in text': raw(b'Pstorage\n'),
    'a persistent id of another kind': raw(b'X\x01\0\0\0aQ'),
    'a persistent id of a forbidden class': raw(
        b'(X\x07\0\0\0storage', SYSTEM, b'X\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ'
    ),
    'a name in two texts': b'\x80\x04\x8c\x05posix\x8c\x06system\x93.',
    'a dotted name': b'\x80\x04\x8c\x05torch\x8c\x11_utils.os.system.x\x93.',
    'control sequences in a name': b'\x80\x04\x8c\x04\x1b[2J\x8c\x03a\nb\x93.',
    'a nested tuple as a key': raw(b'}', b')\x85' * 60, b'K\x01s'),
    'a place in the memo that is too high': raw(b'N', b'r\xff\xff\xff\xff', b'j\xff\xff\xff\xfe'),
    'a text longer than the file': raw(b'X\xff\xff\xff\x7fabc'),
    'a text longer than memory': b'\x80\x04\x8d' + b'\xff' * 7 + b'\x7f' + b'abc.',
    'a long bytearray': b'\x80\x05\x96' + (1 << 40).to_bytes(8, 'little') + b'abc.',
    'a huge number': raw(b'L' + b'9' * 100_000 + b'L\n'),
    'an empty stack': raw(b'0' * 3),
    'no end': b'\x80\x02N',
    'a mark too many': raw(b'(((', b't'),
    'nothing': b'',
    'a tensor of itself': raw(
        b'ctorch._tensor\n_rebuild_from_type_v2\n', b'q\x00', b'(h\x00NN))tR'
    ),
}


@pytest.mark.parametrize('name', HOSTILE_OPERATIONS)
def test_no_operation_of_a_pickle_does_harm(write, name):
    began = time.process_time()
    assert error_of(write({'w': some(1)}, data=HOSTILE_OPERATIONS[name]))
    assert time.process_time() - began < 5


def test_a_shape_is_compared_with_the_numbers_before_memory_is_taken(write):
    content = {'w': StoredTensor(Storage(some(4)), (1 << 40, 1 << 20), (1 << 20, 1))}
    assert 'of which 4 are stored' in error_of(write(content))
    for shape, strides in [((2, 2), (1,)), ((-1,), (1,)), ((1 << 80,), (1,)), ((5,), (1,))]:
        assert 'damaged' in error_of(write({'w': StoredTensor(Storage(some(4)), shape, strides)}))


def test_a_file_that_ends_early_is_called_incomplete(write):
    path = write({'module.w': some(3, 4), 'module.b': some(3)})
    content = path.read_bytes()
    for length in range(5, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(UserError) as error:
            source_file.open_source(path)
        assert str(error.value).startswith(f'{path}: '), length
        assert '\n' not in str(error.value)


def test_a_file_with_other_bytes_is_read_or_refused(write):
    path = write({'state_dict': {'w': some(3, 4), 'b': some(3)}, 'args': {'lr': 1}})
    content = path.read_bytes()
    source = random.Random(1)
    for _ in range(150):
        changed = bytearray(content)
        for _ in range(source.choice([1, 1, 2, 8])):
            changed[source.randrange(len(changed))] = source.randrange(256)
        path.write_bytes(changed)
        with contextlib.suppress(UserError):
            found = torch_file.read(path)
            for name in found.tensors:
                found.read(name)


def test_other_bytes_in_the_numbers_of_a_zip_file_are_noticed(tmp_path):
    content = torch_files.zip_bytes({'w': np.full(50, 3, np.float32)})
    at = content.index(np.full(50, 3, np.float32).tobytes())
    path = tmp_path / 'w.pth'
    path.write_bytes(content[: at + 9] + b'\x77' + content[at + 10 :])
    with pytest.raises(UserError, match='w: damaged at archive/data/0'):
        torch_file.read(path).read('w')


def test_members_of_a_zip_file_are_read_by_their_names_alone(tmp_path):
    path = tmp_path / 'inside' / 'w.pth'
    path.parent.mkdir()
    extra = [('../../escaped', b'x'), ('/tmp/escaped', b'x'), ('archive/data/../../up', b'x')]
    path.write_bytes(torch_files.zip_bytes({'w': some(1)}, extra=extra))
    assert list(torch_file.read(path).tensors) == ['w']
    path.write_bytes(torch_files.zip_bytes({'w': some(1)}, root='../..', extra=[]))
    torch_file.read(path).read('w')
    assert [each.name for each in tmp_path.rglob('*')] == ['inside', 'w.pth']
    path.write_bytes(torch_files.zip_bytes({}, extra=[('other/data.pkl', b'x')]))
    assert error_of(path).startswith('a damaged file (not exactly one data.pkl in it)')


def test_other_kinds_of_files_are_refused_with_advice(tmp_path):
    path = tmp_path / 'w.pth'
    path.write_bytes(torch_files.zip_bytes({}, extra=[('archive/constants.pkl', b'')]))
    assert error_of(path).startswith('a TorchScript program; load it in PyTorch, and save')
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        archive.addfile(tarfile.TarInfo('sys_info'))
    path.write_bytes(stream.getvalue())
    with pytest.raises(UserError, match=r'a file of PyTorch 0\.1 or older'):
        source_file.open_source(path)
    path.write_bytes(pickle.dumps({'w': 1}, 2))
    with pytest.raises(UserError, match='no weights that can be recognised'):
        source_file.open_source(path)
    assert error_of(path) == 'not a file of torch.save, or of an unknown version of it'
