"""Sets of features that tests write, and processes that are killed while they do.

    python -m support.feature_sets DIRECTORY

kills a process before each call that changes a file, and checks after each that another process
continues there. The last line has the number of such calls.
"""

import os
import signal
import sys

import numpy as np

from heads import feature_files, feature_store
from heads.feature_files import Plan

COUNT = 10
_BLOCK = 3
SHAPES = {'a/Squeeze': [40], 'b': [2, 1]}
_CHANGES = (
    'fdatasync', 'fsync', 'makedirs', 'open', 'posix_fallocate', 'pwrite', 'replace', 'unlink',
    'utime',
)  # fmt: skip


def plan(value=0, count=COUNT, shapes=SHAPES, weights='w'):
    """Return the plan of a small set with two cuts."""
    return Plan('pets_train', {'value': value}, shapes, dict.fromkeys(shapes, weights), count)


def rows(first, count, value=0):
    """Return (blocks, outputs, is_intact) of some records."""
    numbers = np.arange(first, first + count)
    blocks = {
        'a/Squeeze': np.tile(numbers[:, None] + 0.5 + value, (1, 40)).astype(np.float32),
        'b': np.zeros((count, 2, 1), np.float32) - numbers[:, None, None],
    }
    return blocks, numbers % 3, numbers != 4


def open_set(root, value=0, count=COUNT, report=print, planned=None, **options):
    """Open a small set in a directory, that of a plan if there is one."""
    planned = planned or plan(value, count)
    return feature_store.open_set(str(root), planned, report, **options)


def fill(opened, end=None):
    """Write the records of a set up to `end`."""
    end = opened.plan.count if end is None else end
    value = opened.plan.depends_on['value']
    while opened.done < end:
        opened.write(*rows(opened.done, min(_BLOCK, end - opened.done), value))


def check(features, value=0):
    """Compare the features of a set with what was written."""
    blocks, outputs, is_intact = rows(0, features.count, value)
    (arrays,) = features.arrays
    assert list(arrays) == list(blocks)
    for cut, block in blocks.items():
        np.testing.assert_array_equal(arrays[cut], block)
    np.testing.assert_array_equal(features.outputs, outputs)
    np.testing.assert_array_equal(features.is_intact, is_intact)


def compute(root):
    """Make a set as a program does, or use the one that is there."""
    opened = open_set(root)
    began_at = opened.done
    fill(opened)
    return opened.read(), began_at


def _killed_before(call, root):
    """Compute a set in a process that is killed before a call; return whether it got so far."""
    process = os.fork()
    if process:
        return os.waitpid(process, 0)[1] != 0
    waiting = iter(range(call, -1, -1))

    def counted(function):
        def wrapped(*arguments, **options):
            if next(waiting) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return wrapped

    for name in _CHANGES:
        setattr(os, name, counted(getattr(os, name)))
    compute(root)
    os._exit(0)


def main(directory):
    """Kill a process before each call, and let this one continue."""
    feature_files.SYNC_SECS = 0.0
    begun = []
    while _killed_before(len(begun), root := os.path.join(directory, str(len(begun)))):
        features, began_at = compute(root)
        check(features)
        begun.append(began_at)
    assert sorted(begun) == begun
    assert set(begun) == {*range(0, COUNT, _BLOCK), COUNT}
    print(len(begun))


if __name__ == '__main__':
    main(sys.argv[1])
