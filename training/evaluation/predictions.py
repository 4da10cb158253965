"""The predictions of an evaluation for each picture: predictions.csv and the worst mistakes."""

import contextlib
import csv
import heapq
import io

import numpy as np
from PIL import Image

from common import files, text
from datasets.records import record_parser
from training.evaluation import metrics

_TOP = 5
_WORST = 24
_VERDICT_COLUMNS = ('is_known', 'p_known', 'unknown_score', 'calibrated_probability')


@contextlib.contextmanager
def table(path, names, labels_offset, with_verdicts=False):
    """Open the predictions.csv of a pass, and yield a function that adds a batch.

    A row contains the file name, the true class, up to five most probable classes, and what the
    limits of the classifier say of the picture; names that a spreadsheet would run are marked. The
    file replaces an earlier one if the block ends without an error.
    """
    names = [text.cell(name) for name in names]
    top = min(_TOP, len(names))
    header = ['file_name', 'true_label', 'true_class']
    for place in range(1, top + 1):
        header += [f'label_{place}', f'class_{place}', f'probability_{place}']
    header += _VERDICT_COLUMNS if with_verdicts else ()
    with files.atomic_write(path, 'w', encoding='utf-8', newline='') as stream:
        writer = csv.writer(stream)
        writer.writerow(header)

        def write(batch):
            order = metrics.best_first(batch.log_probabilities)[:, :top]
            best = np.exp(np.take_along_axis(batch.log_probabilities, order, axis=1))
            verdicts = batch.verdicts if with_verdicts else [None] * len(order)
            for name, label, outputs, shares, verdict in zip(
                batch.file_names, batch.labels, order, best, verdicts, strict=True
            ):
                row = [text.path_cell(name), label + labels_offset, names[label]]
                for output, share in zip(outputs, shares, strict=True):
                    row += [output + labels_offset, names[output], f'{share:.6f}']
                writer.writerow(row + _verdict_cells(verdict, outputs[0]))

        yield write


def _verdict_cells(verdict, output):
    if verdict is None:
        return []
    numbers = verdict.p_known, verdict.unknown_score, verdict.probabilities[output]
    return ['true' if verdict.is_known else 'false', *(f'{number:.6f}' for number in numbers)]


class WorstMistakes:
    """Collect the wrong predictions with the highest probability."""

    def __init__(self, most=_WORST):
        self._most = most
        self._found = []

    def add(self, batch):
        """Add a batch."""
        predicted = batch.log_probabilities.argmax(axis=1)
        for row in np.flatnonzero(predicted != batch.labels):
            sureness = batch.log_probabilities[row, predicted[row]]
            mistake = (sureness, -(batch.first + row), batch.labels[row], predicted[row])
            heapq.heappush(self._found, mistake)
            if len(self._found) > self._most:
                heapq.heappop(self._found)

    def tiles(self, records):
        """List (picture, true output, predicted output, probability), highest probability first.

        The pictures are read again from the VerifiedRecords of the split.
        """
        return [
            (_picture(records, -place), int(true), int(predicted), float(np.exp(sureness)))
            for sureness, place, true, predicted in sorted(self._found, reverse=True)
        ]


def _picture(records, place):
    record, where = records.at_place(place)
    with Image.open(io.BytesIO(record_parser.encoded_picture(record, where))) as picture:
        return picture.convert('RGB')
