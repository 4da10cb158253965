"""The results of a comparison: kept in a file, shown as a table, written as CSV."""

import csv
import dataclasses
import io
import os

from common import files
from common.errors import UserError

_RECORD, _TABLE, PLOT = 'results.json', 'comparison.csv', 'comparison.png'


@dataclasses.dataclass(frozen=True)
class Result:
    """What was measured of a network."""

    name: str
    network: str
    checkpoint: str
    image_size: int
    features: int  # Length of the vector that the last layer reads.
    pictures: int
    folds: int
    accuracy: float
    standard_error: float
    log_loss: float
    milliseconds: float  # For each picture.
    megabytes: float

    def __str__(self):
        return (
            f'{self.accuracy:.1%} ± {self.standard_error:.1%}, '
            f'{self.milliseconds:.1f} ms per picture, {self.megabytes:.1f} MB'
        )


class Results:
    """The results of finished networks in a directory, by the key of their candidate."""

    def __init__(self, directory):
        self.directory = directory
        self._record = os.path.join(directory, _RECORD)
        try:
            os.makedirs(directory, exist_ok=True)
        except OSError as error:
            raise UserError(
                f'--output_dir={directory}: cannot be created ({error.strerror})'
            ) from None
        self._rows = files.read_json(self._record) if os.path.exists(self._record) else {}

    def get(self, key):
        """Return the Result with a key, or None."""
        row = self._rows.get(key)
        return None if row is None else Result(**row)

    def add(self, key, result):
        """Keep a Result in the file."""
        self._rows[key] = dataclasses.asdict(result)
        files.write_json(self._record, self._rows)

    def path(self, name):
        """Return the path of a file in the directory."""
        return os.path.join(self.directory, name)

    def write_table(self, ranked):
        """Write the results as CSV, and return the path of the file."""
        names = [field.name for field in dataclasses.fields(Result)]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator='\n')
        writer.writeheader()
        writer.writerows(dataclasses.asdict(result) for result in ranked)
        files.write_text(self.path(_TABLE), text.getvalue())
        return self.path(_TABLE)


def ranked(results):
    """Return the results with the most accurate first; of equals, the faster one."""
    return sorted(results, key=lambda result: (-result.accuracy, result.milliseconds))


def fastest_of_their_accuracy(ranked):
    """Return those of the ranked results that are faster than all before them."""
    found = []
    for result in ranked:
        if not found or result.milliseconds < found[-1].milliseconds:
            found.append(result)
    return found


def lines(results):
    """Yield the lines of the printed table."""
    width = max(len(result.name) for result in results)
    yield f'{"network":<{width}}  pixels  {"accuracy":^15}  ms/picture     MB'
    for result in results:
        accuracy = f'{result.accuracy:6.1%} ± {result.standard_error:.1%}'
        yield (
            f'{result.name:<{width}}  {result.image_size:6}  {accuracy:<15}  '
            f'{result.milliseconds:10.1f}  {result.megabytes:5.1f}'
        )
