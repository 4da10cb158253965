"""Find missing and mistaken model files before an engine is loaded, which may take seconds.

The code that reads the files reports the same mistakes in the same words.
"""

import os

from classifiers import checkpoint_paths, file_kinds, model_info
from common import labels
from common.errors import UserError

_NOT_ONNX = f'not an ONNX model; {file_kinds.NEEDED[file_kinds.ONNX]}'


def model(path, label_file=None):
    """Check that a graph, ONNX model or checkpoint exists, and a label file if one is given."""
    if label_file:
        labels.read_labels(label_file)
    if model_info.onnx_precision(path):
        onnx_model(path)
    elif model_info.is_graph(path):
        graph(path)
    # The loader has a better message for a SavedModel.
    elif not file_kinds.is_saved_model(path):
        checkpoint_paths.require(path)


def graph(path, needed=file_kinds.GRAPH):
    """Check that a graph's file can be read and is not a file of another kind."""
    other = _of_something_else(path, needed)
    if other:
        raise UserError(f'{path}: {other}')
    require_readable(path)


def onnx_model(path):
    """Check that a file is an ONNX model with a description beside it."""
    require_readable(path)
    if not file_kinds.is_onnx(path):
        raise UserError(f'{path}: {file_kinds.mistaken(path, file_kinds.ONNX) or _NOT_ONNX}')
    model_info.require_description(path, model_info.path_beside(path))


def require_readable(path):
    """Raise a UserError unless a file can be opened."""
    try:
        with open(path, 'rb'):
            pass
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None


def _of_something_else(path, needed):
    """Return what a path is and what to pass instead, or '' if it may be a graph."""
    advice = file_kinds.NEEDED[needed]
    if file_kinds.is_saved_model(path):
        return f'a SavedModel; {advice}'
    if os.path.isdir(path):
        holds = 'of checkpoints' if checkpoint_paths.may_hold_one(path) else 'and not a file'
        return f'a directory {holds}; {advice}'
    if not os.path.exists(path) and checkpoint_paths.files_of(path):
        return f'a checkpoint; {advice}'
    return file_kinds.mistaken(path, needed)
