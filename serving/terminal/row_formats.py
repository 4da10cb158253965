"""The output formats of classify_image.py: a table for people, CSV and JSON for programs."""

import json

from common import text
from serving import csv_rows
from serving.model.predictor import likely, predictions
from serving.terminal import verdict_words

_WIDEST_PATH, _WIDEST_NAME = 60, 24


class Table:
    """Prints one class per line for a single picture, and one line per picture for several.

    The percentages are calibrated if the model knows its limits.
    """

    def __init__(self, stream, info, count, files):
        self._stream = stream
        self._names = [text.printable(name) for name in info.names()]
        self._count = count
        self._limits = info.limits
        self._is_single = len(files) == 1
        shown = (text.columns(text.printable(file.path)) for file in files)
        self._path_width = min(max(shown, default=0), _WIDEST_PATH)
        self._name_width = min(max(map(text.columns, self._names)), _WIDEST_NAME)
        of_unknown = text.columns(verdict_words.none_of_these('')) + self._name_width
        self._first_width = of_unknown if info.limits else 0

    def open(self):
        """Begin."""

    def write(self, path, outcome=None, problem=''):
        """Print the classes of a picture, or why it has none."""
        path = text.padded(text.printable(path), self._path_width)
        if problem:
            self._print(f'{path}  error: {text.printable(problem)}')
            return
        best = predictions(self._names, outcome, self._count)
        is_unknown = outcome.verdict is not None and not outcome.verdict.is_known
        if self._is_single:
            self._write_lines(best, outcome, is_unknown)
            return
        cells = [f'{_percent(each)} {text.padded(each.label, self._name_width)}' for each in best]
        if is_unknown:
            cells[0] = verdict_words.none_of_these(best[0].label)
        cells[0] = text.padded(cells[0], self._first_width)
        self._print(f'{path}  {"  ".join(cells)}'.rstrip())

    def _write_lines(self, best, outcome, is_unknown):
        """Print the classes of the only picture."""
        several = likely(self._names, outcome, self._limits)
        if is_unknown:
            self._print(verdict_words.none_of_these(best[0].label))
        elif len(several) > 1:
            self._print(f'{verdict_words.one_of(several)}, at 90%')
        width = max(text.columns(each.label) for each in best)
        for each in best:
            self._print(f'{text.padded(each.label, width)}  {_percent(each)}')

    def close(self):
        """End."""

    def _print(self, line):
        print(line, file=self._stream, flush=True)


def _percent(prediction):
    calibrated = prediction.calibrated
    return f'{prediction.probability if calibrated is None else calibrated:7.2%}'


class Csv:
    """Writes a line for each picture that spreadsheets can read."""

    def __init__(self, stream, info, count, files):
        del files
        self._names = info.names()
        self._count = min(count, len(self._names))
        self._limits = info.limits
        self._writer = csv_rows.Writer(stream, self._count, bool(info.limits))

    def open(self):
        """Write the heading."""
        self._writer.heading()

    def write(self, path, outcome=None, problem=''):
        """Write one picture's line."""
        if problem:
            self._writer.problem(path, problem)
            return
        best = predictions(self._names, outcome, self._count)
        self._writer.classes(
            path,
            [(each.label, each.probability) for each in best],
            outcome.verdict,
            likely(self._names, outcome, self._limits),
        )

    def close(self):
        """End."""


class Json:
    """Writes one array with an object for each picture."""

    def __init__(self, stream, info, count, files):
        del files
        self._stream = stream
        self._names = info.names()
        self._offset = info.labels_offset
        self._limits = info.limits
        self._count = count
        self._between = '\n'

    def open(self):
        """Begin the array."""
        self._stream.write('[')

    def write(self, path, outcome=None, problem=''):
        """Write one picture's object."""
        row = {'file': text.encodable(path)}
        if problem:
            row['error'] = text.encodable(problem)
        else:
            row.update(self._verdict(outcome))
            best = predictions(self._names, outcome, self._count)
            row['predictions'] = [self._prediction(each) for each in best]
        self._stream.write(f'{self._between}{json.dumps(row, ensure_ascii=False)}')
        self._between = ',\n'

    def _verdict(self, outcome):
        verdict = outcome.verdict
        if verdict is None:
            return {}
        return {
            'is_known': verdict.is_known,
            'p_known': _rounded(verdict.p_known),
            'unknown_score': _rounded(verdict.unknown_score),
            'likely': list(map(text.encodable, likely(self._names, outcome, self._limits))),
        }

    def _prediction(self, each):
        calibrated = {} if each.calibrated is None else {'calibrated': _rounded(each.calibrated)}
        return {
            'class': text.encodable(each.label),
            'label': each.index + self._offset,
            'probability': _rounded(each.probability),
            **calibrated,
        }

    def close(self):
        """End the array."""
        self._stream.write('\n]\n')


def _rounded(value):
    return float(f'{value:.7g}')


FORMATS = {'table': Table, 'csv': Csv, 'json': Json}
