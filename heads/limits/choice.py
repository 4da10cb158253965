"""Choose a score of strangeness without pictures of anything else: leave one class out.

Each class in turn plays the unknown: nothing is fitted to its pictures, and a score must tell them
from held-out pictures of the other classes.
"""

import concurrent.futures
import dataclasses

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from common import processors
from heads.limits import measures, scores
from heads.limits.limits import FEATURES, soft_maximum

LEAST_CLASSES = 3  # One is left out, and a head needs two.
LEAST_PICTURES = 10  # Of each class, in the mean; with fewer, the figures are chance.
# More classes are left out in so many groups; more pictures add little to the figures.
_MOST_ROUNDS, _MOST_PICTURES = 10, 1000
# Of more classes than can have so many pictures, those with the most take part.
_MOST_CLASSES = _MOST_PICTURES // LEAST_PICTURES
_FOLDS = 3
# The default is replaced only by a score that is better by so many standard errors, and this much.
_ERRORS, _LEAST_GAIN = 2.0, 0.005
# Of the heads that are fitted without a class, with features of mean length 1.
_STRENGTH, _STEPS = 10.0, 200


@dataclasses.dataclass(frozen=True)
class Figure:
    """How well a candidate separates the left-out classes from the others."""

    name: str
    auroc: float  # The mean of the rounds.
    gain: float  # Over the default.
    error: float  # The standard error of the gain.


def obstacle(pictures):
    """Return why the scores cannot be compared on these pictures, or ''."""
    classes = len(np.unique(pictures.outputs))
    if classes < LEAST_CLASSES:
        return f'{classes} of the {LEAST_CLASSES} classes that are needed have pictures'
    if len(pictures) < LEAST_PICTURES * classes:
        return f'{len(pictures)} pictures of {classes} classes, fewer than {LEAST_PICTURES} of each'
    left = len(np.unique(_compared(pictures).outputs))
    if left < LEAST_CLASSES:
        return f'{left} of the {LEAST_CLASSES} classes that are needed have {_FOLDS} pictures'
    return ''


def _compared(pictures):
    """Return the pictures on which scores are compared, at least _FOLDS of each class."""
    pictures = _of_classes(
        pictures, lambda counts: np.argsort(-counts, kind='stable')[:_MOST_CLASSES]
    )
    pictures = pictures.part(scores.evenly(pictures.outputs, _MOST_PICTURES))
    return _of_classes(pictures, lambda counts: counts >= _FOLDS)


def _of_classes(pictures, choose_by_counts):
    classes, counts = np.unique(pictures.outputs, return_counts=True)
    chosen = classes[choose_by_counts(counts)]
    return pictures.part(np.flatnonzero(np.isin(pictures.outputs, chosen)))


def choose(candidates, pictures):
    """Return (Candidate, a Figure of each, best first); the first of the candidates is the default.

    The result does not depend on the number of threads.
    """
    # A product's last bits would depend on its number of threads.
    with threadpool_limits(1, user_api='blas'):
        return _chosen(candidates, _compared(pictures))


def _chosen(candidates, pictures):
    heads = _Heads(pictures.layers[FEATURES])
    groups = _groups(pictures.outputs)
    terms = list(dict.fromkeys(term for each in candidates for term in each.terms))

    def play(group):
        return _round(candidates, terms, pictures, heads, np.isin(pictures.outputs, group))

    with concurrent.futures.ThreadPoolExecutor(processors.available()) as pool:
        rounds = np.array(list(pool.map(play, groups)))  # [rounds, candidates]
    figures = _figures(candidates, rounds)
    best = max(range(len(candidates)), key=lambda number: (_worth(figures[number]), -number))
    return candidates[best], sorted(figures, key=lambda each: -each.auroc)


def _figures(candidates, rounds):
    gains = rounds - rounds[:, :1]
    errors = gains.std(axis=0, ddof=1) / np.sqrt(len(rounds))
    columns = zip(candidates, rounds.mean(axis=0), gains.mean(axis=0), errors, strict=True)
    return [Figure(each.name(), *map(float, rest)) for each, *rest in columns]


def _worth(figure):
    """Return the gain of a candidate that is clearly better than the default, else 0 or less."""
    is_clear = figure.gain > max(_ERRORS * figure.error, _LEAST_GAIN)
    return figure.gain if is_clear else min(figure.gain, 0)


def _groups(outputs):
    """List the classes that are left out in each round."""
    classes = np.unique(outputs)
    shuffled = np.random.default_rng(0).permutation(classes)
    return np.array_split(shuffled, min(len(classes), _MOST_ROUNDS))


def _round(candidates, terms, pictures, heads, is_unknown):
    """Return the AUROC of each candidate, the mean of the folds."""
    rest, unknown = np.flatnonzero(~is_unknown), np.flatnonzero(is_unknown)
    found = []
    for kept, held in scores.folds(pictures.outputs[rest], _FOLDS):
        fitted = scores.fit(terms, pictures.part(rest[kept]))
        head = heads.fit(rest[kept], pictures.outputs[rest[kept]])
        known, strange = (
            scores.apply(fitted, pictures.part(numbers), head(numbers))
            for numbers in (rest[held], unknown)
        )
        values = {}
        for term in terms:
            mean, std = scores.standard(known[term])
            values[term] = (np.concatenate([known[term], strange[term]]) - mean) / std
        labels = np.arange(len(held) + len(unknown)) >= len(held)
        found.append(
            [
                roc_auc_score(labels, soft_maximum([values[term] for term in each.terms]))
                for each in candidates
            ]
        )
    return np.mean(found, axis=0)


class _Heads:
    """Fit heads to parts of the pictures.

    If there are fewer pictures than features, they are rotated into the space of the pictures,
    where a fit is faster and gives the same logits.
    """

    def __init__(self, features):
        rows = np.asarray(features, np.float64)
        rows = rows - rows.mean(axis=0)
        rows /= max(np.linalg.norm(rows, axis=1).mean(), measures.TINY)
        if len(rows) < rows.shape[1]:
            rows = np.ascontiguousarray(np.linalg.qr(rows.T)[1].T)
        self._rows = rows

    def fit(self, numbers, outputs):
        """Return a function that gives the logits of pictures."""
        model = LogisticRegression(C=_STRENGTH, max_iter=_STEPS, tol=1e-3)
        model.fit(self._rows[numbers], outputs)

        def logits(numbers):
            found = model.decision_function(self._rows[numbers])
            return found if found.ndim == 2 else np.stack([-found, found], axis=1) / 2

        return logits
