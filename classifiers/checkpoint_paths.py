"""Find checkpoints by the names of their files; nothing here needs TensorFlow."""

import glob
import os
import re

from classifiers import file_kinds
from common.errors import UserError

STATE_FILE = 'checkpoint'  # TensorFlow's list of a directory's checkpoints.
STEP = re.compile(r'-(\d+)$')
_PART = re.compile(r'\.(index|meta|data-\d{5}-of-\d{5})$')
_MOST_SHOWN = 3


def prefix_of(path):
    """Return the prefix of the checkpoint that the file `path` belongs to."""
    return _PART.sub('', os.fspath(path))


def files_of(prefix):
    """List the files of a checkpoint, its index first."""
    index = f'{prefix}.index'
    if os.path.exists(index):
        return [index, *sorted(glob.glob(f'{glob.escape(prefix)}.data-?????-of-?????'))]
    return [prefix] if os.path.isfile(prefix) else []


def step_in(name):
    """Return the step that a checkpoint's name ends with, or -1."""
    match = STEP.search(name)
    return int(match[1]) if match else -1


def is_checkpoint(name, known=()):
    """Tell whether `name` is a V2 index, or a V1 file by its usual name or one of `known`."""
    stem = name.rsplit('-', 1)[0] if step_in(name) >= 0 else name
    return not name.startswith('.') and (
        name.endswith('.index') or name in known or stem.endswith('.ckpt')
    )


def listed(directory):
    """List a directory's files; a missing directory counts as empty."""
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f'{directory}: cannot be read as a directory ({error.strerror})') from None


def none_in(directory):
    """Return the message for a directory without a checkpoint."""
    if file_kinds.is_saved_model(directory):
        return f'{directory}: a SavedModel; {file_kinds.NEEDED[file_kinds.CHECKPOINT]}'
    return f'{directory}: no checkpoint in this directory (*.index, or *.ckpt in one file)'


def may_hold_one(directory):
    """Tell whether a directory has files that look like a checkpoint's."""
    names = listed(directory)
    return STATE_FILE in names or any(map(is_checkpoint, names))


def require(path):
    """Raise a UserError unless there may be a checkpoint at a path."""
    path = os.fspath(path)
    if not path:
        raise UserError('the path of the checkpoint is empty; name a checkpoint or a directory')
    if os.path.isdir(path):
        if not may_hold_one(path):
            raise UserError(none_in(path))
    elif kind := mistaken(path):
        raise UserError(f'{path}: {kind}')
    elif not files_of(prefix_of(path)):
        raise UserError(absent(prefix_of(path)))


def mistaken(path):
    """Return what a file is instead of a checkpoint and what to do, or '' if it may be one."""
    held = files_of(prefix_of(path))
    if held:
        return file_kinds.mistaken(held[0], file_kinds.CHECKPOINT)
    if file_kinds.tensorflow_kind(path) == file_kinds.META_GRAPH:
        return f'a MetaGraph without its checkpoint: {prefix_of(path)}.index is not beside it'
    return ''


def absent(prefix):
    """Return the message for a missing checkpoint, with the existing ones."""
    directory = os.path.dirname(prefix)
    names = listed(directory or os.curdir) if os.path.isdir(directory or os.curdir) else []
    names = {prefix_of(name) for name in names if is_checkpoint(name)}
    newest = sorted(names, key=step_in, reverse=True)[:_MOST_SHOWN]
    hint = '; there are ' + ', '.join(os.path.join(directory, name) for name in newest)
    return f'{prefix}: no such checkpoint or directory{hint if newest else ""}'
