"""Fit the measures of strangeness to known pictures, and apply them to other pictures."""

import dataclasses
import warnings

import numpy as np
from sklearn.model_selection import StratifiedKFold

from heads.limits import measures

# Values that hardly differ are divided by no less than this.
_LEAST_STD = 1e-6


@dataclasses.dataclass(frozen=True)
class Pictures:
    """Known pictures: what each layer gives for them, and their classes."""

    layers: dict[str, np.ndarray]  # FEATURES and ModelSpec.earlier: [pictures, features].
    outputs: np.ndarray  # The numbers of the classes.

    def __len__(self):
        return len(self.outputs)

    def part(self, numbers):
        """Return some of the pictures."""
        layers = {layer: rows[numbers] for layer, rows in self.layers.items()}
        return Pictures(layers, self.outputs[numbers])


def fit(terms, pictures):
    """Return {term: arrays} for pairs of a measure and a layer."""
    return {
        term: {
            name: np.asarray(value, np.float32)
            for name, value in measures.MEASURES[term[0]]
            .fit(pictures.layers.get(term[1]), pictures.outputs)
            .items()
        }
        for term in terms
    }


def apply(fitted, pictures, logits):
    """Return {term: values} of pictures for what `fit` returned; larger is stranger."""
    return {
        term: measures.MEASURES[term[0]].score(
            arrays, logits if term[1] == measures.LOGITS else pictures.layers[term[1]]
        )
        for term, arrays in fitted.items()
    }


def standard(values):
    """Return (mean, standard deviation) of the usual values of a term."""
    return float(values.mean()), max(float(values.std()), _LEAST_STD)


def evenly(outputs, most):
    """Return the numbers of at most `most` pictures, evenly spread over each class."""
    if len(outputs) <= most:
        return np.arange(len(outputs))
    by_class = np.argsort(outputs, kind='stable')
    return np.sort(by_class[np.linspace(0, len(outputs) - 1, most).astype(int)])


def folds(outputs, count, seed=0):
    """List (numbers to fit, numbers to hold out); each picture is held out once.

    A class with a single picture is held out from a fit that does not know it, so such pictures
    are only fitted.
    """
    _, places = np.unique(outputs, return_inverse=True)
    counts = np.bincount(places)
    count = min(count, int(counts.max()))
    if count < 2:
        return []
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # About classes with fewer pictures than folds; each of them is in some of the folds.
        warnings.simplefilter('ignore', UserWarning)
        found = list(splitter.split(outputs, places))
    return [(kept, held[counts[places[held]] > 1]) for kept, held in found]
