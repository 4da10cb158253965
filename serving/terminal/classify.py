"""Classify the pictures of a command line and print their classes."""

import contextlib
import dataclasses
import functools
import io
import sys

from common import processors
from common.errors import UserError
from common.progress import Progress
from pictures.gate import BadImage
from serving.model.predictor import Predictor
from serving.terminal import picture_arguments, picture_files
from serving.terminal.row_formats import FORMATS

_MOST_PIXELS_AT_ONCE = 2**25  # A batch of huge pictures would be decoded side by side.


def classify(options, stream=None):
    """Print a row for each picture; return 1 if a picture could not be classified, else 0."""
    options.check_files()
    files = picture_arguments.find_pictures(options.paths)
    with _loaded(options, len(files)) as predictor:
        stream = stream or _standard_output()
        count = options.num_top_predictions
        rows = FORMATS[options.format](stream, predictor.info, count, files)
        rows.open()
        num_bad = 0
        with _progress(len(files), stream) as progress:
            for path, outcome, problem in _classified(predictor, files):
                rows.write(path, outcome, problem)
                num_bad += bool(problem)
                progress.advance(note=f'{num_bad} bad' if num_bad else '')
        rows.close()
    return 1 if num_bad else 0


def _standard_output():
    """Return standard output; characters that its encoding lacks are written as escapes."""
    if sys.stdout is None:
        raise UserError('standard output is closed')
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')
    return sys.stdout


def _loaded(options, num_pictures):
    how = dataclasses.replace(
        options.of_predictor,
        num_pictures=num_pictures,
        max_batch_size=options.batch_size and min(options.batch_size, num_pictures),
        max_queue=None,
    )
    return Predictor(options.model_options, how)


def _progress(total, stream):
    """Return a progress display, or a silent one if the rows appear on the terminal."""
    if total == 1 or stream.isatty():
        return _Silent()
    return Progress(total, 'Classifying', 'pictures')


class _Silent(contextlib.nullcontext):
    """A progress display that shows nothing."""

    def __enter__(self):
        return self

    def advance(self, note=''):
        """Show nothing."""


def _classified(predictor, files):
    """Yield (path, Outcome or None, error or '') for each file, in order."""
    how = predictor.options
    if how.max_batch_size > 1:
        return _in_batches(predictor, files, how.max_batch_size)
    # While a thread reads a picture, another one runs the network.
    one = functools.partial(_classified_alone, predictor)
    return processors.mapped(one, files, 2 * how.max_concurrency)


def _classified_alone(predictor, file):
    _, picture, problem = _read(file)
    return _row(file, predictor.outcomes([picture.data])[0] if picture else BadImage(problem))


def _in_batches(predictor, files, batch_size):
    for batch in _batches(processors.mapped(_read, files, batch_size), batch_size):
        good = [picture.data for _, picture, _ in batch if picture is not None]
        outcomes = iter(predictor.outcomes(good))
        for file, picture, problem in batch:
            yield _row(file, next(outcomes) if picture else BadImage(problem))


def _row(file, outcome):
    if isinstance(outcome, BadImage):
        return file.path, None, str(outcome)
    return file.path, outcome, ''


def _read(file):
    """Return (file, NormalisedImage or None, error or '')."""
    try:
        return file, picture_files.read(file), ''
    except BadImage as error:
        return file, None, str(error)


def _batches(prepared, size):
    """Yield lists of up to `size` items, fewer if the pictures are large."""
    batch, pixels = [], 0
    for item in prepared:
        picture = item[1]
        area = picture.height * picture.width if picture else 0
        if batch and (len(batch) == size or pixels + area > _MOST_PIXELS_AT_ONCE):
            yield batch
            batch, pixels = [], 0
        batch.append(item)
        pixels += area
    if batch:
        yield batch
