"""The output formats of classify_image.py: a table for people, CSV and JSON for programs."""

import json

from common import text
from serving import csv_rows
from serving.model.predictor import top

_WIDEST_PATH, _WIDEST_NAME = 60, 24


class Table:
    """Prints one class per line for a single picture, and one line per picture for several."""

    def __init__(self, stream, info, count, files):
        self._stream = stream
        self._names = [text.printable(name) for name in info.names()]
        self._count = count
        self._is_single = len(files) == 1
        shown = (text.columns(text.printable(file.path)) for file in files)
        self._path_width = min(max(shown, default=0), _WIDEST_PATH)
        self._name_width = min(max(map(text.columns, self._names)), _WIDEST_NAME)

    def open(self):
        """Begin."""

    def write(self, path, outcome=None, problem=''):
        """Print the classes of a picture, or why it has none."""
        path = text.padded(text.printable(path), self._path_width)
        if problem:
            self._print(f'{path}  error: {text.printable(problem)}')
            return
        best = top(outcome.probabilities, self._count)
        if self._is_single:
            names = [self._names[output] for output, _ in best]
            width = max(map(text.columns, names))
            for name, (_, probability) in zip(names, best, strict=True):
                self._print(f'{text.padded(name, width)}  {probability:7.2%}')
            return
        cells = (
            f'{probability:7.2%} {text.padded(self._names[output], self._name_width)}'
            for output, probability in best
        )
        self._print(f'{path}  {"  ".join(cells)}'.rstrip())

    def close(self):
        """End."""

    def _print(self, line):
        print(line, file=self._stream, flush=True)


class Csv:
    """Writes a line for each picture that spreadsheets can read."""

    def __init__(self, stream, info, count, files):
        del files
        self._names = info.names()
        self._count = min(count, len(self._names))
        self._writer = csv_rows.Writer(stream, self._count)

    def open(self):
        """Write the heading."""
        self._writer.heading()

    def write(self, path, outcome=None, problem=''):
        """Write one picture's line."""
        if problem:
            self._writer.problem(path, problem)
            return
        best = top(outcome.probabilities, self._count)
        self._writer.classes(path, [(self._names[output], share) for output, share in best])

    def close(self):
        """End."""


class Json:
    """Writes one array with an object for each picture."""

    def __init__(self, stream, info, count, files):
        del files
        self._stream = stream
        self._names = info.names()
        self._offset = info.labels_offset
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
            row['predictions'] = [
                {
                    'class': text.encodable(self._names[output]),
                    'label': output + self._offset,
                    'probability': float(f'{probability:.7g}'),
                }
                for output, probability in top(outcome.probabilities, self._count)
            ]
        self._stream.write(f'{self._between}{json.dumps(row, ensure_ascii=False)}')
        self._between = ',\n'

    def close(self):
        """End the array."""
        self._stream.write('\n]\n')


FORMATS = {'table': Table, 'csv': Csv, 'json': Json}
