"""Load an ONNX model into ONNX Runtime, and run it on prepared pictures."""

import contextlib
import mmap
import threading

import numpy as np
import onnxruntime

from classifiers import verdicts
from common import processors
from common.errors import UserError, one_line

_FATAL = 4  # The only messages that ONNX Runtime may print.
_PIXELS = 'tensor(float)'
_SPIN_MICROSECONDS = '50'  # Older versions do not know this setting, and ignore it.
# The key of a reference to a file with weights; models have it as plain text.
_REFERENCE = b'location'
# ONNX Runtime says only in its messages that memory is short.
_SHORTAGES = 'bad_alloc', 'Failed to allocate memory'


class OnnxNetwork:
    """A network in ONNX Runtime; several threads may run it.

    While few runs are in progress, each may use all cores. Of many, each uses one core: in total
    that takes less time. `num_runs` is the number of runs in progress, if it is known in advance;
    then there is only one session.
    """

    def __init__(self, path, info, num_runs=None):
        """Load the file `path` of the model that `info` describes."""
        _require_whole(path)
        self._cores = processors.available()
        self._wide = _open(path, max(1, self._cores // (num_runs or 1)))
        self._narrow = self._wide if num_runs or self._cores == 1 else _open(path, 1)
        self._running = 0
        self._were_many = False  # When the last run began.
        self._lock = threading.Lock()
        self._input, self._batch_size = _find_input(path, self._wide, info)
        output = _find_output(path, self._wide, info)
        self._fetched = [output, *_find_verdicts(path, self._wide, info)]
        self.returns_probabilities = output == info.tensor('probabilities')
        self.line = f'Feeding {self._input}, fetching {", ".join(self._fetched)}'

    def run(self, images):
        """Return the outputs for float32 images, arrays [images, numbers].

        The first has a column for each class. Those of verdicts.KINDS follow if `info` has them.
        """
        with self._session() as session:
            return self._run(session, images)

    def try_out(self, images):
        """Run each session once, so that later runs are as fast; return the result of `run`."""
        for session in {self._wide, self._narrow}:
            found = self._run(session, images)
        return found

    def _run(self, session, images):
        size = self._batch_size or len(images)
        parts = [images[first : first + size] for first in range(0, len(images), size)]
        with _memory_errors():
            found = [session.run(self._fetched, {self._input: part}) for part in parts]
        return [np.concatenate(each).reshape(len(images), -1) for each in zip(*found, strict=True)]

    @contextlib.contextmanager
    def _session(self):
        with self._lock:
            are_many = 2 * self._running >= self._cores
            # Between two of many runs, there may be a moment in which no other is in progress.
            session = self._narrow if are_many or self._were_many else self._wide
            self._were_many = are_many
            self._running += 1
        try:
            yield session
        finally:
            with self._lock:
                self._running -= 1


def _open(path, num_threads):
    """Return a session whose runs use so many threads."""
    onnxruntime.set_default_logger_severity(_FATAL)
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = num_threads
    # Threads wait in a loop for the work of the next layer, but not longer: beside other programs
    # and between two runs, such threads take the cores from those that have work.
    options.add_session_config_entry('session.intra_op.spin_duration_us', _SPIN_MICROSECONDS)
    options.add_session_config_entry('session.force_spinning_stop', '1')
    try:
        with _memory_errors():
            return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    except MemoryError as error:
        raise MemoryError(f'{path}: {one_line(error, 200)}') from None
    except Exception as error:
        raise UserError(
            f'{path}: ONNX Runtime cannot load this model ({one_line(error, 200)}); '
            'freeze the model again'
        ) from None


@contextlib.contextmanager
def _memory_errors():
    """Raise a MemoryError in place of ONNX Runtime's errors about memory."""
    try:
        yield
    except Exception as error:  # Its errors have no common class of their own.
        if any(words in str(error) for words in _SHORTAGES):
            raise MemoryError(one_line(error)) from None
        raise


def _require_whole(path):
    """Refuse a model whose weights are in other files, which its hash does not cover."""
    with open(path, 'rb') as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_REFERENCE)
        # The byte before a string is its length, or the 0 at the end of a longer form of it.
        while at >= 0 and data[at - 1] not in (0, len(_REFERENCE)):
            at = data.find(_REFERENCE, at + 1)
    if at >= 0:
        raise UserError(f'{path}: has weights in other files, which is not supported')


def _find_input(path, session, info):
    """Return (name of the input, images per run or None for any number)."""
    found = session.get_inputs()
    expected = [info.image_size, info.image_size, info.channels]
    shape = found[0].shape if len(found) == 1 else []
    if shape[1:] != expected or found[0].type != _PIXELS:
        described = ', '.join(f'{each.name}: {each.type} {each.shape}' for each in found)
        raise UserError(
            f'{path}: must take one batch of float images {expected}, as its description says; '
            f'its inputs are {described}'
        )
    return found[0].name, shape[0] if isinstance(shape[0], int) else None


def _find_output(path, session, info):
    """Return the name of the output with the probabilities, or with the logits."""
    present = [each.name for each in session.get_outputs()]
    named = [info.tensor(kind) for kind in ('probabilities', 'output', 'logits')]
    found = [name for name in named if name in present] or present
    if len(found) != 1 and not set(found) & set(named):
        raise UserError(f'{path}: has no output probabilities or logits, but {", ".join(present)}')
    return found[0]


def _find_verdicts(path, session, info):
    """Return the names of the outputs with the verdicts, if the description names them."""
    present = {each.name for each in session.get_outputs()}
    names = verdicts.tensors(info)
    for name in names:
        if name not in present:
            raise UserError(
                f'{path}: has no output {name}, which its description names; freeze the model again'
            )
    return names
