"""Fit the Limits of a classifier to known pictures."""

import dataclasses

import numpy as np
from threadpoolctl import threadpool_limits

from heads import solver
from heads.limits import candidates, choice, conformal, prediction_sets, scores, temperature
from heads.limits.limits import FEATURES, Limits, Term, soft_maximum

# With fewer held-out pictures, training pictures that were left out of a fit are used too.
ENOUGH_HELD_OUT = 100
# With fewer, their standard deviations are chance, so those of the training pictures count too.
_ENOUGH_FOR_STD = 10
_FOLDS = 5


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """What the network and the measures give for pictures that nothing was fitted to."""

    logits: np.ndarray
    outputs: np.ndarray
    values: dict  # Term -> values.

    def __len__(self):
        return len(self.outputs)

    def joined(self, other):
        """Return the pictures of both."""
        return HeldOut(
            np.concatenate([self.logits, other.logits]),
            np.concatenate([self.outputs, other.outputs]),
            {
                term: np.concatenate([values, other.values[term]])
                for term, values in self.values.items()
            },
        )


def choose(earlier, train, has_logits=True):
    """Return (Candidate, Figures of all, why the default was taken without figures or '')."""
    tried = candidates.all_of(earlier, has_logits)
    if why_not := choice.obstacle(train):
        return tried[0], [], why_not
    return *choice.choose(tried, train), ''


def fit(candidate, train, validation, head, *, train_is_usable, accept_known, tensors):
    """Return (Limits, HeldOut) for Pictures of the training and validation splits.

    Each may have no pictures, but not both. If `train_is_usable`, the network itself was not
    fitted to the training pictures. `tensors` are the maps of the earlier layers. The result does
    not depend on the number of threads.
    """
    with threadpool_limits(1, user_api='blas'):
        held_out, terms = _terms(candidate, train, validation, head, train_is_usable)
        limits = _limits(candidate, terms, held_out, accept_known, tensors)
    return limits, held_out


def _terms(candidate, train, validation, head, train_is_usable):
    """Return (HeldOut, the terms of the Limits)."""
    fitted = scores.fit(candidate.terms, train)
    held_out = _of_validation(fitted, validation, head)
    if train_is_usable and len(held_out) < ENOUGH_HELD_OUT:
        held_out = held_out.joined(_of_folds(candidate.terms, train, head))
    if not len(held_out):
        raise ValueError('none can be held out; two classes need two pictures each')
    usual = held_out.values
    if len(held_out) < _ENOUGH_FOR_STD:
        of_train = scores.apply(fitted, train, head.logits(train))
        usual = {term: np.concatenate([usual[term], of_train[term]]) for term in usual}
    return held_out, tuple(
        Term(*term, arrays, *scores.standard(usual[term])) for term, arrays in fitted.items()
    )


def _limits(candidate, terms, held_out, accept_known, tensors):
    strangeness = soft_maximum(
        [(held_out.values[term.measure, term.layer] - term.mean) / term.std for term in terms]
    )
    accepted = conformal.calibrate(strangeness, accept_known)
    used = {layer for _, layer in candidate.terms}
    return Limits(
        temperature=temperature.fit(held_out.logits, held_out.outputs),
        terms=terms,
        threshold=accepted.threshold,
        knots=accepted.knots,
        p_values=accepted.p_values,
        accept_known=accept_known,
        sets=prediction_sets.fit(held_out.logits, held_out.outputs),
        num_held_out=len(held_out),
        layers={layer: tensor for layer, tensor in tensors.items() if layer in used},
    )


def _of_validation(fitted, pictures, head):
    logits = head.logits(pictures)
    return HeldOut(logits, pictures.outputs, scores.apply(fitted, pictures, logits))


def _of_folds(terms, train, head):
    """Return the training pictures, each with fits to the others."""
    logits = _held_out_logits(train, head)
    usable = np.isfinite(logits).all(axis=1)
    values = {term: np.full(len(train), np.nan) for term in terms}
    for kept, held in scores.folds(train.outputs, _FOLDS):
        usable_held = held[usable[held]]
        fitted = scores.fit(terms, train.part(kept))
        found = scores.apply(fitted, train.part(usable_held), logits[usable_held])
        for term, numbers in found.items():
            values[term][usable_held] = numbers
    for numbers in values.values():
        usable &= np.isfinite(numbers)
    return HeldOut(
        logits[usable],
        train.outputs[usable],
        {term: numbers[usable] for term, numbers in values.items()},
    )


def _held_out_logits(train, head):
    """Return logits for each picture, as this head would give if it was fitted to the others.

    A head that was trained in steps can have larger or smaller logits than an exact fit, so those
    of the exact fits are multiplied by one number.
    """
    rows = train.layers[FEATURES]
    num_classes = len(head.biases)
    if num_classes == 1 or len(np.unique(train.outputs)) < 2:
        return head.logits(train)  # Nothing in these logits depends on the classes.
    solution = solver.fit(rows, train.outputs, num_classes)
    exact = np.asarray(rows, np.float64) @ solution.weights + solution.biases
    present = np.unique(train.outputs)
    ours, theirs = (_centred(each[:, present]) for each in (head.logits(train), exact))
    scale = (ours * theirs).sum() / max((theirs**2).sum(), 1e-12)
    held_out = np.array(solution.held_out, np.float64)
    absent = ~np.isin(np.arange(num_classes), present)
    held_out[:, ~absent] *= max(scale, 1e-3)
    # A class without training pictures: as unlikely as the head makes it.
    held_out[:, absent] = head.logits(train)[:, absent]
    return held_out


def _centred(logits):
    return logits - logits.mean(axis=1, keepdims=True)
