"""Fit a linear head to features exactly: multinomial logistic regression of scikit-learn.

The strength of the regularization is chosen by stratified cross-validation. Memory: the features
once more, as float64 (8 bytes per value).
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import time
import warnings

import numpy as np
from scipy.special import log_softmax, logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from common import processors
from common.errors import UserError

# scikit-learn's C, from strong to weak regularization of features whose mean length is 1.
STRENGTHS = tuple(float(f'{10.0**power:.3g}') for power in np.arange(-2, 5.1, 0.5))
# If fewer than two classes have two pictures, nothing is validated.
UNVALIDATED_STRENGTH = 10.0
_FOLDS = 5
# The search ends when the log loss is so much above its best, or above it this many times, or when
# hardly anything is left to gain: the class of a picture has a probability of 0.99.
_CLEARLY_WORSE, _WORSE_ROWS, _PERFECT = 1.02, 2, 0.01
# A fit ends when the largest gradient of the mean loss is below this fraction of
# 1 / (C * pictures), the curvature of the regularization, and below this number.
_SEARCH_TOLERANCE, _TOLERANCE = 0.3, 0.003
_LARGEST_SEARCH_TOLERANCE, _LARGEST_TOLERANCE = 1e-3, 1e-6
_SEARCH_STEPS, _STEPS = 2000, 20000
# A class without pictures gets at most this probability for the pictures of the others.
ABSENT_PROBABILITY = 1e-6
_BLOCK_ROWS = 4096


@dataclasses.dataclass(frozen=True)
class Row:
    """The result of the cross-validation for one C."""

    strength: float
    log_loss: float  # With class weights, the weighted mean.
    accuracy: float
    standard_error: float  # Of the accuracy.
    seconds: float


@dataclasses.dataclass(frozen=True)
class Solution:
    """A fitted head: logits = features @ weights + biases."""

    weights: np.ndarray  # float32 [features, classes]
    biases: np.ndarray  # float32 [classes]
    strength: float  # The C of the fit.
    rows: tuple  # One `Row` for each C that was tried.
    folds: int  # 0 if fewer than two classes have two pictures: nothing was validated.
    seconds: float
    has_converged: bool
    loss: float  # The mean cross entropy, weighted like the log loss, of the fitted pictures.
    accuracy: float  # Of the fitted pictures.
    # The logits of each picture, from a fit to the other folds, [pictures, classes]. They are NaN
    # for a picture that was not held out because it is the only one of its class, and -inf for a
    # class without pictures.
    held_out: np.ndarray

    @property
    def chosen(self):
        """Return the Row of the chosen C, or None without a cross-validation."""
        return next((row for row in self.rows if row.strength == self.strength), None)


def fit(features, outputs, num_classes, class_weights=None, seed=0, report=None):
    """Return the Solution for features [pictures, n] and the pictures' outputs (class numbers).

    `features` may be a memory map. `class_weights` has a factor for the loss of each class. The
    result depends on nothing else than these and the seed of the folds. `report(row)` is called
    after each C; an error that it raises ends the search.
    """
    began = time.perf_counter()
    # A product's last bits would depend on its number of threads. The folds run in parallel.
    with threadpool_limits(1, user_api='blas'), _ignoring_unfinished_fits():
        problem = _Problem(features, np.asarray(outputs), class_weights)
        folds = _folds(problem.labels, seed)
        search = _Search(problem, folds)
        search.run(report or (lambda row: None))
        model = search.final()
    logits = problem.logits(model)
    loss, right = problem.measured(logits)
    weights, biases = problem.folded(model, num_classes, logits)
    return Solution(
        weights=weights,
        biases=biases,
        loss=loss,
        accuracy=float(right.mean()),
        strength=search.strength,
        rows=tuple(search.rows),
        folds=len(folds),
        seconds=time.perf_counter() - began,
        has_converged=int(model.n_iter_.max()) < _STEPS,
        held_out=problem.for_all_classes(search.held_out, num_classes),
    )


@contextlib.contextmanager
def _ignoring_unfinished_fits():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ConvergenceWarning)
        yield


def _folds(labels, seed):
    """List arrays with the numbers of the pictures to hold out; a class's only picture never is.

    If all classes have fewer than five pictures, there are as many folds as the largest class has
    pictures.
    """
    counts = np.bincount(labels)
    count = min(_FOLDS, int(counts.max()))
    if (counts > 1).sum() < 2:
        return []
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # About classes with fewer pictures than folds; each of them is in some of the folds.
        warnings.simplefilter('ignore', UserWarning)
        folds = [held_out for _, held_out in splitter.split(labels, labels)]
    return [fold[counts[labels[fold]] > 1] for fold in folds]


class _Problem:
    """Features that are centred and divided by one number, and the way back from them.

    If there are fewer pictures than features, they are rotated into the space of the pictures,
    where the same weights have fewer coordinates.
    """

    def __init__(self, features, outputs, class_weights):
        self.classes, self.labels = np.unique(outputs, return_inverse=True)
        if len(self.classes) < 2:
            raise UserError(
                f'all {len(outputs)} pictures are of class {", ".join(map(str, self.classes))}; '
                'a head needs pictures of at least two classes'
            )
        self._features = features
        self._mean = np.mean(features, axis=0, dtype=np.float64)
        lengths = [np.linalg.norm(block, axis=1) for _, block in self._blocks()]
        self._scale = np.concatenate(lengths).mean() or 1.0
        self._basis = None
        count, width = features.shape
        if count < width:
            self._basis, upper = np.linalg.qr(self._copied(np.float64).T)
            self._rotated = np.ascontiguousarray(upper.T)
        self.weights = np.ones(count)
        if class_weights is not None:
            self.weights = np.asarray(class_weights, np.float64)[outputs]

    def rows(self, dtype):
        """Return the normalised features of all pictures."""
        return self._copied(dtype) if self._basis is None else self._rotated.astype(dtype)

    def _copied(self, dtype):
        rows = np.empty(self._features.shape, dtype)
        for start, block in self._blocks():
            rows[start : start + len(block)] = block / self._scale
        return rows

    def _blocks(self):
        for start in range(0, len(self._features), _BLOCK_ROWS):
            yield start, self._features[start : start + _BLOCK_ROWS] - self._mean

    def logits(self, model):
        """Return what a fitted model computes for all pictures."""
        coefficients, intercepts = _parameters(model)
        return self.rows(np.float64) @ coefficients.T + intercepts

    def measured(self, logits, numbers=slice(None)):
        """Return (mean log loss, whether each class is right) for the logits of some pictures."""
        labels = self.labels[numbers]
        losses = -log_softmax(logits.astype(np.float64), axis=1)[np.arange(len(labels)), labels]
        mean = float(np.average(losses, weights=self.weights[numbers]))
        return mean, logits.argmax(axis=1) == labels

    def folded(self, model, num_classes, logits):
        """Return (weights, biases) for the features as they are."""
        coefficients, intercepts = _parameters(model)
        least = logsumexp(logits, axis=1).min() + np.log(ABSENT_PROBABILITY)
        if self._basis is not None:
            coefficients = coefficients @ self._basis.T
        weights = np.zeros((self._features.shape[1], num_classes), np.float32)
        weights[:, self.classes] = coefficients.T / self._scale
        biases = np.full(num_classes, least)
        # With the rounded weights, rounding does not shift the logits of the mean picture.
        shift = self._mean @ weights.astype(np.float64)
        biases[self.classes] = intercepts - shift[self.classes]
        return weights, biases.astype(np.float32)

    def for_all_classes(self, logits, num_classes):
        """Return the logits with a column for each class."""
        full = np.full((len(logits), num_classes), -np.inf, np.float32)
        full[:, self.classes] = logits
        return full


class _Search:
    """The cross-validation over the grid, and the fit to all pictures with the chosen C."""

    def __init__(self, problem, folds):
        self._problem = problem
        self._folds = folds
        self.rows = []
        self.strength = UNVALIDATED_STRENGTH
        self.held_out = np.full((len(problem.labels), len(problem.classes)), np.nan, np.float32)
        self._start = None

    def run(self, report):
        """Try one C after the other until the log loss has clearly risen, or is nearly 0."""
        if not self._folds:
            return
        # Half the bytes take half the time; the choice does not depend on the last digits.
        rows = self._problem.rows(np.float32)
        models = [LogisticRegression(warm_start=True, max_iter=_SEARCH_STEPS) for _ in self._folds]
        threads = min(processors.available(), len(self._folds))
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for strength in STRENGTHS:
                began = time.perf_counter()
                fit_fold = functools.partial(self._fit_fold, rows, strength)
                held_out = list(pool.map(fit_fold, models, self._folds))
                row = self._measure(strength, held_out, began)
                self.rows.append(row)
                if row.log_loss <= min(row.log_loss for row in self.rows):
                    self._keep(strength, held_out, models)
                report(row)
                if _is_over([row.log_loss for row in self.rows]):
                    return

    def _fit_fold(self, rows, strength, model, held_out):
        # Pictures of weight 0 cost less than a copy of the others.
        weights = self._problem.weights.copy()
        weights[held_out] = 0
        _set_strength(model, strength, weights, _SEARCH_TOLERANCE, _LARGEST_SEARCH_TOLERANCE)
        model.fit(rows, self._problem.labels, sample_weight=weights)
        coefficients, intercepts = _parameters(model)
        return rows[held_out] @ coefficients.T + intercepts

    def _measure(self, strength, held_out, began):
        loss, right = self._problem.measured(np.concatenate(held_out), np.concatenate(self._folds))
        return Row(
            strength=strength,
            log_loss=loss,
            accuracy=float(right.mean()),
            standard_error=float(right.std() / np.sqrt(len(right))),
            seconds=time.perf_counter() - began,
        )

    def _keep(self, strength, held_out, models):
        self.strength = strength
        self.held_out[np.concatenate(self._folds)] = np.concatenate(held_out)
        self._start = [
            np.mean([getattr(model, name) for model in models], axis=0, dtype=np.float64)
            for name in ('coef_', 'intercept_')
        ]

    def final(self):
        """Return the model that is fitted to all pictures, starting from the mean of the folds."""
        model = LogisticRegression(warm_start=True, max_iter=_STEPS)
        if self._start:
            model.coef_, model.intercept_ = self._start
        weights = self._problem.weights
        _set_strength(model, self.strength, weights, _TOLERANCE, _LARGEST_TOLERANCE)
        return model.fit(self._problem.rows(np.float64), self._problem.labels, weights)


def _set_strength(model, strength, weights, tolerance, largest):
    model.set_params(C=strength, tol=min(tolerance / (strength * weights.sum()), largest))


def _is_over(losses):
    best = min(losses)
    if best < _PERFECT or losses[-1] > _CLEARLY_WORSE * best:
        return True
    return len(losses) - 1 - losses.index(best) >= _WORSE_ROWS


def _parameters(model):
    """Return (coefficients, intercepts) with a row for each class.

    For two classes scikit-learn has the difference of the two.
    """
    coefficients, intercepts = model.coef_, model.intercept_
    if len(coefficients) == 1:
        return np.concatenate([-coefficients, coefficients]) / 2, np.array([-1, 1]) * intercepts / 2
    return coefficients, intercepts
