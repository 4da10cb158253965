"""Results as CSV, one line for each picture, that spreadsheets can read."""

import csv
import io

from common import text


class Writer:
    """Writes lines with the name of a picture, its error if there is one, and its best classes."""

    def __init__(self, stream, count):
        self._writer = csv.writer(stream, lineterminator='\n')
        self._count = count

    def heading(self):
        """Write the names of the columns."""
        places = range(1, self._count + 1)
        cells = [cell for place in places for cell in (f'class_{place}', f'probability_{place}')]
        self._writer.writerow(['file', 'error', *cells])

    def classes(self, name, best):
        """Write the line of one picture with its best classes, pairs of label and probability."""
        cells = [c for label, p in best for c in (text.cell(text.encodable(label)), f'{p:.7g}')]
        self._writer.writerow([_name_cell(name), '', *cells])

    def problem(self, name, problem):
        """Write the line of a picture that could not be classified."""
        empty = [''] * 2 * self._count
        self._writer.writerow([_name_cell(name), text.encodable(problem), *empty])


def _name_cell(name):
    return name if name == '-' else text.path_cell(text.encodable(name))


def document(rows):
    """Return a complete CSV file from rows of (name, error or '', predictions)."""
    stream = io.StringIO()
    writer = Writer(stream, max(len(predictions) for _, _, predictions in rows))
    writer.heading()
    for name, problem, predictions in rows:
        if problem:
            writer.problem(name, problem)
        else:
            writer.classes(name, [(each.label, each.probability) for each in predictions])
    return stream.getvalue()
