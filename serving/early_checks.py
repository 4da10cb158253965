"""Mistakes that show at once: programs look for them before they import TensorFlow.

What is found here is found again, and in the same words, where the files are used.
"""

import os

from classifiers import checkpoint_paths, file_kinds, model_info
from common import labels
from common.errors import UserError
from serving.terminal import picture_files


def classification(path, label_file, pictures):
    """Check what a classification of pictures is to read."""
    if not pictures:
        raise UserError('no picture: name files, folders or patterns, or - for standard input')
    model(path, label_file)
    _require_pictures(pictures)


def model(path, label_file=None):
    """Check that a graph or a checkpoint is there, and the class names if they are given."""
    if label_file:
        labels.read_labels(label_file)
    if model_info.is_graph(path):
        graph(path)
    # What a SavedModel is instead is said by those who know what can be done with it.
    elif not file_kinds.is_saved_model(path):
        checkpoint_paths.require(path)


def graph(path, needed=file_kinds.GRAPH):
    """Check that a graph's file can be read, and that it is not something else."""
    other = _of_something_else(path, needed)
    if other:
        raise UserError(f'{path}: {other}')
    _require_readable(path)


def _require_readable(path):
    try:
        with open(path, 'rb'):
            pass
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None


def _of_something_else(path, needed):
    """Return what a path leads to, and what to name instead; '' for what may be a graph."""
    advice = file_kinds.NEEDED[needed]
    if file_kinds.is_saved_model(path):
        return f'a SavedModel; {advice}'
    if os.path.isdir(path):
        holds = 'of checkpoints' if checkpoint_paths.may_hold_one(path) else 'and not a file'
        return f'a directory {holds}; {advice}'
    if not os.path.exists(path) and checkpoint_paths.files_of(path):
        return f'a checkpoint; {advice}'
    return file_kinds.mistaken(path, needed)


def freezing(input_graph, input_meta_graph, input_checkpoint):
    """Check what a graph is to be frozen from, as far as it is given."""
    if input_graph:
        graph(input_graph)
    if input_meta_graph:
        graph(input_meta_graph, file_kinds.META_GRAPH)
    if input_checkpoint:
        checkpoint_paths.require(input_checkpoint)


def exporting(checkpoint_path, summarized):
    """Check what is to be exported or summarized, as far as it is given."""
    if checkpoint_path:
        checkpoint_paths.require(checkpoint_path)
    if summarized and not os.path.exists(f'{summarized}.index') and not os.path.isdir(summarized):
        if other := file_kinds.foreign(summarized):
            raise UserError(f'{summarized}: {other}')
        _require_readable(summarized)


def _require_pictures(paths):
    """Raise a UserError unless one of `paths` leads to a picture, or to what may hold one."""
    problems = []
    for path in paths:
        problem = picture_files.find_problem(path)
        if not problem:
            return
        problems.append(f'{path}: {problem}')
    raise UserError('; '.join(problems))
