"""Classify the pictures of a command line, and print what they are."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import io
import itertools
import sys

from common import names, processors
from common.errors import UserError
from common.progress import Progress
from pictures.gate import BadImage
from serving.model.model_options import ModelOptions
from serving.model.predictor import Predictor, PredictorOptions
from serving.terminal import picture_files
from serving.terminal.row_formats import FORMATS

_MOST_PIXELS_AT_ONCE = 2**25  # A batch of huge pictures would be decoded side by side.


@dataclasses.dataclass(frozen=True)
class ClassifyOptions:
    """What to classify, with which model, and how to print it."""

    model: ModelOptions
    paths: tuple
    format: str = 'table'
    num_top_predictions: int = 5
    batch_size: int = 16
    precision: str = 'float32'


def classify(options, stream=None):
    """Print a row for each picture; return 1 if there was a bad one, else 0."""
    _check(options)
    files = picture_files.find(options.paths)
    batch_size = min(options.batch_size, len(files))  # The model is tried with a whole batch.
    with _loaded(options, batch_size) as predictor:
        stream = stream or _standard_output()
        count = options.num_top_predictions
        rows = FORMATS[options.format](stream, predictor.info, count, files)
        rows.open()
        num_bad = 0
        with _progress(len(files), stream) as progress:
            for path, probabilities, problem in _classified(predictor, files, batch_size):
                rows.write(path, probabilities, problem)
                num_bad += bool(problem)
                progress.advance(note=f'{num_bad} bad' if num_bad else '')
        rows.close()
    return 1 if num_bad else 0


def _check(options):
    if not options.paths:
        raise UserError('no picture: name files, folders or patterns, or - for standard input')
    if options.format not in FORMATS:
        raise UserError(names.unknown('--format', options.format, FORMATS))
    for name in ('num_top_predictions', 'batch_size'):
        if getattr(options, name) < 1:
            raise UserError(f'--{name}={getattr(options, name)}: at least 1 is valid')
    if options.paths.count(picture_files.STANDARD_INPUT) > 1:
        raise UserError('standard input (-) can be read only once')


def _standard_output():
    """Return standard output, whose encoding may not know every letter of a name."""
    if sys.stdout is None:
        raise UserError('standard output is closed: there is nowhere to print to')
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')
    return sys.stdout


def _loaded(options, batch_size):
    how = PredictorOptions(
        max_concurrency=1,
        max_batch_size=batch_size,
        batch_wait_ms=0,
        max_queue=None,
        precision=options.precision,
    )
    return Predictor(options.model, how)


def _progress(total, stream):
    """Return a progress display, or a silent one where the rows themselves show how far we are."""
    if total == 1 or stream.isatty():
        return _Silent()
    return Progress(total, 'Classifying', 'pictures')


class _Silent(contextlib.nullcontext):
    """Stands in for a progress display."""

    def __enter__(self):
        return self

    def advance(self, note=''):
        """Show nothing."""


def _classified(predictor, files, batch_size):
    """Yield (path, probabilities or None, what is wrong or '') for each file, in order."""
    for batch in _batches(_prepared(files, batch_size), batch_size):
        good = [picture for _, picture, _ in batch if picture is not None]
        outcomes = iter(predictor.outcomes([picture.data for picture in good]))
        for file, picture, problem in batch:
            outcome = BadImage(problem) if picture is None else next(outcomes)
            if isinstance(outcome, BadImage):
                yield file.path, None, str(outcome)
            else:
                yield file.path, outcome, ''


def _prepared(files, ahead):
    """Yield (file, NormalisedImage or None, what is wrong), a few files read in advance."""
    with concurrent.futures.ThreadPoolExecutor(processors.available()) as pool:
        waiting = collections.deque()
        remaining = iter(files)
        for file in itertools.islice(remaining, ahead):
            waiting.append(pool.submit(_read, file))
        while waiting:
            done = waiting.popleft().result()
            for file in itertools.islice(remaining, 1):
                waiting.append(pool.submit(_read, file))
            yield done


def _read(file):
    try:
        return file, picture_files.read(file), ''
    except BadImage as error:
        return file, None, str(error)


def _batches(prepared, size):
    """Yield lists of up to `size` items, shorter ones where the pictures are large."""
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
