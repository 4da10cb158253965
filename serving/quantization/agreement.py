"""Compare a quantized network with the float32 one on pictures with known classes."""

import dataclasses

import numpy as np

from serving.quantization import onnx_graphs

LEAST_AGREEMENT = 0.98
FEW_PICTURES = 100


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The outputs with the largest results, and the outputs that would be right."""

    found: np.ndarray
    right: np.ndarray

    @property
    def accuracy(self):
        """Return the accuracy in per cent."""
        return 100 * float((self.found == self.right).mean())


def predict(model, output, batches):
    """Run a model on batches of (pictures, right outputs)."""
    session = onnx_graphs.session(model)
    fed = session.get_inputs()[0].name
    found, right = [], []
    for images, outputs in batches:
        found.append(session.run([output], {fed: images})[0].argmax(axis=1))
        right.append(outputs)
    return Predictions(np.concatenate(found), np.concatenate(right))


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How well the predictions of a quantized network agree with those of the float32 one."""

    float32: Predictions
    int8: Predictions
    what: str  # The pictures: 'validation', 'test' or 'training'.
    most_drop: float  # Of the accuracy, in points.

    @property
    def agreeing(self):
        """Return the number of pictures with the same class."""
        return int((self.float32.found == self.int8.found).sum())

    def faults(self):
        """List what forbids to use the quantized network."""
        count, found = len(self.int8.found), []
        # Compared as integers: 0.98 * 50 is not exactly 49.
        if self.agreeing * 100 < round(LEAST_AGREEMENT * 100) * count:
            found.append(f'at least {LEAST_AGREEMENT:.0%} must have the same class')
        drop = self.float32.accuracy - self.int8.accuracy
        if drop > self.most_drop + 1e-9:
            found.append(f'the accuracy may drop by {self.most_drop:g} points (--int8_max_drop)')
        return found

    def line(self):
        """Describe the result, and how far it can be trusted."""
        count = len(self.int8.found)
        notes = []
        if count < FEW_PICTURES:
            notes.append(f'only {count} pictures: each is {100 / count:.1f} points')
        if self.what == 'training':
            notes.append('the data set has no others, and the network was trained on them')
        return (
            f'same class as float32 for {self.agreeing} of {count} {self.what} pictures'
            f' ({100 * self.agreeing / count:.1f}%), accuracy {self.int8.accuracy:.2f}% (float32:'
            f' {self.float32.accuracy:.2f}%)' + (f'; {"; ".join(notes)}' if notes else '')
        )
