"""Results as CSV, one line for each picture, that spreadsheets can read."""

import csv
import io

from common import text

_OF_VERDICT = ('is_known', 'p_known', 'unknown_score', 'likely')


class Writer:
    """Writes lines with the name of a picture, its error if there is one, and its best classes.

    The columns of the verdict follow if the model knows its limits.
    """

    def __init__(self, stream, count, has_verdicts=False):
        self._writer = csv.writer(stream, lineterminator='\n')
        self._count = count
        self._of_verdict = _OF_VERDICT if has_verdicts else ()

    def heading(self):
        """Write the names of the columns."""
        places = range(1, self._count + 1)
        cells = [cell for place in places for cell in (f'class_{place}', f'probability_{place}')]
        self._writer.writerow(['file', 'error', *cells, *self._of_verdict])

    def classes(self, name, best, verdict=None, likely=()):
        """Write the line of one picture with its best classes, pairs of label and probability.

        `likely` are the labels of the prediction set.
        """
        cells = [c for label, p in best for c in (text.cell(text.encodable(label)), f'{p:.7g}')]
        if self._of_verdict:
            cells += _verdict_cells(verdict, likely)
        self._writer.writerow([_name_cell(name), '', *cells])

    def problem(self, name, problem):
        """Write the line of a picture that could not be classified."""
        empty = [''] * (2 * self._count + len(self._of_verdict))
        self._writer.writerow([_name_cell(name), text.encodable(problem), *empty])


def _verdict_cells(verdict, likely):
    return [
        'true' if verdict.is_known else 'false',
        f'{verdict.p_known:.7g}',
        f'{verdict.unknown_score:.7g}',
        text.cell(text.encodable('|'.join(likely))),
    ]


def _name_cell(name):
    return name if name == '-' else text.path_cell(text.encodable(name))


def document(rows):
    """Return a complete CSV file from rows of (name, error or '', predictions, verdict, likely)."""
    stream = io.StringIO()
    count = max(len(predictions) for _, _, predictions, _, _ in rows)
    writer = Writer(stream, count, any(verdict for *_, verdict, _ in rows))
    writer.heading()
    for name, problem, predictions, verdict, likely in rows:
        if problem:
            writer.problem(name, problem)
        else:
            best = [(each.label, each.probability) for each in predictions]
            writer.classes(name, best, verdict, likely)
    return stream.getvalue()
