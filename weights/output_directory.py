"""The directory that an import writes: when it may be used, and what an earlier import left there.

Nothing here needs TensorFlow.
"""

import os

from classifiers import checkpoint_paths, model_info
from common.errors import UserError
from nets import model_specs

SUFFIX = '.ckpt'


def require_usable(directory):
    """Raise a UserError unless an import may be written into `directory`, which may not exist.

    Only an earlier import can be replaced there, never a training.
    """
    directory = os.fspath(directory)
    if not os.path.isdir(directory):
        if os.path.lexists(directory):
            raise UserError(f'--output={directory}: a file and not a directory')
        _require_writable(_nearest_parent(directory), directory)
        return
    _require_writable(directory, directory)
    held = {checkpoint_paths.prefix_of(name) for name in _checkpoints_in(directory)}
    foreign = [name for name in sorted(held) if not _is_import(name)]
    if foreign or checkpoint_paths.STATE_FILE in checkpoint_paths.listed(directory):
        what = ', '.join(foreign) or 'those of a training'
        raise UserError(
            f'--output={directory}: contains other checkpoints ({what}); name another directory'
        )


def require_free(directory):
    """Raise a UserError if there is an earlier import in `directory`."""
    described = os.path.lexists(os.path.join(directory, model_info.FILE_NAME))
    if described or (os.path.isdir(directory) and _checkpoints_in(directory)):
        raise UserError(
            f'--output={directory}: contains another checkpoint; '
            'pass --overwrite to replace it, or name another directory'
        )


def checkpoint(directory, info):
    """Return the path of the checkpoint that an import of `info` writes."""
    return os.path.join(directory, info.model_name + SUFFIX)


def is_current(directory, info, source):
    """Return whether `directory` has an import of `info` that is newer than its source."""
    try:
        if model_info.read_beside(directory) != info:
            return False
    except UserError:
        return False
    ours = checkpoint_paths.files_of(checkpoint(directory, info))
    theirs = checkpoint_paths.files_of(checkpoint_paths.prefix_of(source))
    if not ours or not theirs:
        return False
    return min(map(os.path.getmtime, ours)) > max(map(os.path.getmtime, theirs))


def _nearest_parent(path):
    parent = os.path.dirname(os.path.abspath(path))
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    return parent


def _require_writable(directory, output):
    if not os.path.isdir(directory):
        raise UserError(f'--output={output}: {directory} is a file and not a directory')
    if not os.access(directory, os.W_OK | os.X_OK):
        raise UserError(f'--output={output}: {directory} cannot be written to')


def _checkpoints_in(directory):
    """List the files of complete checkpoints; data without an index is no checkpoint."""
    names = checkpoint_paths.listed(directory)
    complete = {checkpoint_paths.prefix_of(n) for n in names if checkpoint_paths.is_checkpoint(n)}
    return [name for name in names if checkpoint_paths.prefix_of(name) in complete]


def _is_import(name):
    """Return whether an import may have written a checkpoint with this name."""
    return name.removesuffix(SUFFIX) in model_specs.MODELS and name.endswith(SUFFIX)


def remove_earlier(directory):
    """Remove an earlier import, its description first: what remains is never called complete."""
    description = os.path.join(directory, model_info.FILE_NAME)
    if os.path.lexists(description):
        os.unlink(description)
    # The index comes first, because data without it is no checkpoint.
    for name in sorted(_checkpoints_in(directory), key=lambda name: not name.endswith('.index')):
        os.unlink(os.path.join(directory, name))
