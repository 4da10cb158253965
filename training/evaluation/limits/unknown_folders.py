"""Evaluate folders of pictures that are of none of the classes."""

from pictures import folder_scan, picture_file
from pictures.kinds import BadImage
from training.evaluation.limits import unknowns
from training.evaluation.limits.unknowns import Scores


def evaluate(folder, evaluator, batch_size, known, warn):
    """Return the UnknownFigures of a folder; `known` are the Scores of the split.

    `warn(format, path, reason)` is called for each file that is not a good picture.
    """
    pictures = _Pictures(folder, warn)
    parts = [Scores.empty(bool(evaluator.limits))]
    for batch in pictures.batches(batch_size):
        parts += pictures.scored(batch, evaluator.classify)
    return unknowns.measure(folder, pictures.skipped, known, Scores.joined(parts))


class _Pictures:
    """The pictures in and below a folder, read in batches."""

    def __init__(self, folder, warn):
        self.skipped = 0
        self._folder, self._warn = folder, warn

    def batches(self, size):
        """Yield lists of (path, normalised picture), at most `size` at a time."""
        found = []
        for picture in self._pictures():
            found.append(picture)
            if len(found) == size:
                yield found
                found = []
        if found:
            yield found

    def scored(self, batch, classify):
        """Return a list of the Scores of a batch, without pictures that `classify` cannot read."""
        try:
            return [Scores.of(*classify([data for _, data in batch]))]
        except BadImage as error:
            if len(batch) > 1:
                return [found for each in batch for found in self.scored([each], classify)]
            self._skip(batch[0][0], error)
            return []

    def _pictures(self):
        listing = folder_scan.list_files(self._folder, required=False)
        for path, reason in listing.refused:
            self._skip(path, reason)
        for path in listing.files:
            try:
                yield path, picture_file.read(path).data
            except BadImage as error:
                self._skip(path, error)

    def _skip(self, path, reason):
        self.skipped += 1
        self._warn('SKIPPED %s: %s', path, reason)
