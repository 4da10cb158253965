"""Tensors in files of PyTorch (torch.save), in its ZIP format and in the one before version 1.6.

Both contain a pickle with names, shapes and strides, and the numbers beside it. The pickle is read
without executing anything (pickles.py), the numbers of a tensor when they are needed.
"""

import dataclasses
import math
import os

import ml_dtypes
import numpy as np

from common import errors, text
from common.errors import UserError
from weights.readers import pickles, torch_archives
from weights.readers.pickles import INERT, Global, PickleError
from weights.sources import TORCH, Source, Tensor

# Where training programs put a network's state dict, the most usual first. Averages come before the
# weights that they are averages of: the accuracies of these networks were measured with them.
_AVERAGES = ('ema_state_dict', 'state_dict_ema', 'model_ema')
_NESTED = ('state_dict', 'model_state_dict', 'model')
# Wrappers of PyTorch put these before every name.
_WRAPPERS = ('module.', '_orig_mod.')
_TYPES = {
    'BFloat16': ml_dtypes.bfloat16, 'Half': np.float16, 'Float': np.float32, 'Double': np.float64,
    'Bool': np.bool_, 'Byte': np.uint8, 'Char': np.int8, 'Short': np.int16, 'Int': np.int32,
    'Long': np.int64, 'ComplexFloat': np.complex64, 'ComplexDouble': np.complex128,
}  # fmt: skip
_STORAGES = {
    f'{module}.{name}Storage': np.dtype(kind)
    for name, kind in _TYPES.items()
    for module in ('torch', 'torch.cuda')
}
_UNTYPED = 'torch.storage.UntypedStorage'
_FLOATS = (ml_dtypes.bfloat16, np.float16, np.float32, np.float64)
_MOST_NUMBERS = 1 << 62
_TYPE_NAMES = ('bfloat16', 'bool', 'float16', 'float32', 'float64', 'int64', 'uint16', 'uint32')
# Names whose values the tensors do not need: options and results in the files of training programs.
_INERT_NAMES = frozenset(
    {
        *_STORAGES,
        _UNTYPED,
        *(f'torch.{name}' for name in _TYPE_NAMES),
        '__builtin__.dict', '__builtin__.set', 'builtins.dict', 'builtins.set',
        '_codecs.encode',
        'argparse.Namespace',
        'collections.Counter', 'collections.defaultdict',
        'numpy.core.multiarray.scalar', 'numpy._core.multiarray.scalar', 'numpy.dtype',
        'torch.device',
        'torch.Tensor', 'torch.nn.parameter.Parameter',
    }
)  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Storage:
    """The numbers of one or several tensors."""

    key: str
    kind: np.dtype
    count: int
    start: int = 0  # Within the storage of this key.


@dataclasses.dataclass(frozen=True, eq=False)
class _Stored:
    """A tensor: a part of a storage; strides are in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path, use_averages=True):
    """Return the Source of a file; moving averages are taken if it has them and not otherwise told.

    A file that contains anything but data is a UserError that names it.
    """
    path = os.fspath(path)
    try:
        archive, content = torch_archives.opened(path, _load)
        state, notes = _state_dict(content, use_averages)
        tensors = _tensors(path, archive, state)
        if use_averages and _lacks_statistics(tensors):
            plain, other_notes = _state_dict(content, use_averages=False)
            if plain is not state:
                tensors = _tensors(path, archive, plain)
                notes = [other_notes[0].replace('(not ', '(the batch norms lack statistics in ')]
    except PickleError as error:
        raise UserError(f'{path}: {text.printable(errors.one_line(error, 400))}') from None
    except OSError as error:
        raise UserError(f'{path}: {errors.reason(error)}') from None
    return Source(path, TORCH, tensors, notes=tuple(notes))


def _tensors(path, archive, state):
    """Return {name: Tensor} of the floating-point tensors of a state dict."""
    stored = {
        name: value
        for name, value in state.items()
        if isinstance(name, str)
        and isinstance(value, _Stored)
        and value.storage.kind.type in _FLOATS
    }
    return {
        name: _tensor(path, archive, name, value)
        for name, value in _without_wrappers(stored).items()
    }


def _lacks_statistics(tensors):
    """Return whether there are batch norms, and all have the mean 0 with which they begin.

    Before PyTorch 2, AveragedModel averages the weights alone.
    """
    means = [tensor for name, tensor in tensors.items() if name.endswith('.running_mean')]
    return bool(means) and not any(tensor.read().any() for tensor in means)


def _load(stream):
    """Read a pickle; return its object, and {key: type} of the storages that it refers to."""
    kinds = {}

    def persistent(identity):
        storage = _storage(identity)
        if kinds.setdefault(storage.key, storage.kind) != storage.kind:
            raise PickleError('its pickle is damaged (two types of one storage)')
        return storage

    return pickles.load(stream, _FUNCTIONS, _INERT_NAMES, persistent), kinds


def _storage(identity):
    """Return the _Storage of a persistent id: 'storage', its class, key, device and length."""
    if not isinstance(identity, tuple) or len(identity) not in (5, 6) or identity[0] != 'storage':
        raise PickleError('refers to data of an unknown kind outside its pickle')
    _, kind, key, _, count, *view = identity
    if not isinstance(kind, Global) or not isinstance(key, str):
        raise PickleError('refers to data of an unknown kind outside its pickle')
    known = np.dtype(np.uint8) if kind.name == _UNTYPED else _STORAGES.get(kind.name)
    if known is None:
        raise pickles.refused(kind.name)
    if view and view[0] is not None:
        _, start, size = view[0]
        return _Storage(key, known, _count(size), _count(start))
    return _Storage(key, known, _count(count))


def _count(number):
    if not isinstance(number, int) or not 0 <= number < _MOST_NUMBERS:
        raise PickleError('its pickle is damaged (a length that is no number)')
    return number


def _rebuild(storage, offset, size, stride, *rest):
    """Return a _Stored; a shape for which the storage is too short is an error."""
    del rest
    if not isinstance(storage, _Storage):
        raise TypeError('a tensor without numbers')
    shape, strides = tuple(map(_count, size)), tuple(map(_count, stride))
    if len(shape) != len(strides) or len(shape) > 32:
        raise ValueError('a tensor whose strides do not fit its shape')
    last = _count(offset) + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    if math.prod(shape) and last >= storage.count:
        raise PickleError(
            f'its pickle is damaged (a tensor of {math.prod(shape):,} numbers, of which '
            f'{storage.count:,} are stored)'
        )
    return _Stored(storage, offset, shape, strides)


def _rebuild_of_type(storage, offset, size, stride, requires_grad, hooks, kind, *rest):
    """Return a _Stored for storages without a type."""
    del requires_grad, hooks, rest
    name = kind.name.removeprefix('torch.') if isinstance(kind, Global) else ''
    found = ml_dtypes.bfloat16 if name == 'bfloat16' else getattr(np, name, None)
    if found not in (*_FLOATS, np.int64):
        return INERT
    typed = np.dtype(found)
    return _rebuild(
        dataclasses.replace(storage, kind=typed, count=storage.count // typed.itemsize),
        *(offset, size, stride),
    )


def _rebuild_subclass(function, kind, arguments, state):
    """Return the _Stored of a tensor with attributes of its own."""
    del kind, state
    if function.name not in _PLAIN:
        raise pickles.refused(function.name)
    return _FUNCTIONS[function.name](*arguments)


_PLAIN = (
    'torch._utils._rebuild_tensor_v2',
    'torch._utils._rebuild_tensor_v3',
    'torch._utils._rebuild_parameter',
)
_FUNCTIONS = {
    'collections.OrderedDict': lambda pairs=(): pickles.dictionary(pairs),
    'torch.Size': lambda sizes: tuple(sizes),
    'torch._utils._rebuild_tensor': _rebuild,
    'torch._utils._rebuild_tensor_v2': _rebuild,
    'torch._utils._rebuild_tensor_v3': _rebuild_of_type,
    'torch._utils._rebuild_parameter': lambda stored, *rest: stored,
    'torch._utils._rebuild_parameter_with_state': lambda stored, *rest: stored,
    'torch._tensor._rebuild_from_type_v2': _rebuild_subclass,
}


def _state_dict(content, use_averages):
    """Return (the state dict in a file, lines about which one was taken)."""
    if not isinstance(content, dict):
        raise PickleError('contains no state dict; save model.state_dict() with torch.save')
    if _is_state(content):
        return content, []
    found = [name for name in (*_AVERAGES, *_NESTED) if _is_state(content.get(name))]
    averages = [name for name in found if name in _AVERAGES]
    plain = [name for name in found if name not in _AVERAGES]
    ordered = averages + plain if use_averages else plain + averages
    if not ordered:
        names = ', '.join(str(name) for name in list(content)[:5])
        raise PickleError(f'contains no state dict (it has {names or "nothing"})')
    note = f'the weights are those in {ordered[0]}'
    if averages and plain:
        note += f' ({"moving averages; there is also" if use_averages else "not"} {ordered[1]})'
    return content[ordered[0]], [note]


def _is_state(content):
    return isinstance(content, dict) and any(isinstance(v, _Stored) for v in content.values())


def _without_wrappers(state):
    """Return a state dict without the prefixes that all names have from wrappers."""
    while True:
        prefix = next((p for p in _WRAPPERS if all(n.startswith(p) for n in state)), None)
        if not state or prefix is None:
            return state
        state = {name.removeprefix(prefix): value for name, value in state.items()}


def _tensor(path, archive, name, stored):
    def numbers():
        try:
            return _strided(stored, archive.read(stored.storage))
        except (PickleError, OSError, ValueError, MemoryError) as error:
            raise UserError(
                f'{path}: {text.printable(name)}: {errors.one_line(error, 400)}'
            ) from None

    archive.require(stored.storage)
    return Tensor(stored.shape, numbers)


def _strided(stored, numbers):
    if math.prod(stored.shape) > stored.storage.count:
        raise PickleError('a tensor whose numbers repeat; save it with .contiguous()')
    steps = [step * numbers.itemsize for step in stored.strides]
    part = numbers[stored.offset :]
    view = np.lib.stride_tricks.as_strided(part, stored.shape, steps, writeable=False)
    return np.array(view)
