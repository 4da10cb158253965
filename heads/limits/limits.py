"""What calibration learns about a classifier, and its NumPy form."""

import dataclasses

import numpy as np
from scipy.special import logsumexp, softmax

from classifiers.verdicts import Verdicts
from heads.limits import measures

# How much the strangest of several terms decides: 0 is their mean, infinity their maximum. A mean
# hides that noise is very strange in the middle of a network, because the network is sure about it.
SHARPNESS = 0.75
FEATURES = 'features'  # The layer that the last one reads; others have the names of end points.


@dataclasses.dataclass(frozen=True)
class Term:
    """One measure of strangeness; `arrays` are what it has learnt from known pictures.

    Its value for a picture is standardised: (measured - mean) / std.
    """

    measure: str  # A key of measures.MEASURES.
    layer: str  # FEATURES, the name of an end point, or measures.LOGITS.
    arrays: dict[str, np.ndarray]  # float32
    mean: float
    std: float


@dataclasses.dataclass(frozen=True)
class PredictionSets:
    """The sets that contain the class of a known picture with a given probability.

    The probabilities have a temperature of their own. `thresholds['lac'][level]` is the smallest
    probability of a class in a set, `thresholds['aps'][level]` the least sum of the probabilities
    of a set; a level is a text such as '0.9'. One that needs more pictures is left out.
    """

    temperature: float
    shown: str  # 'lac' or 'aps'.
    thresholds: dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a classifier does not know; `unknown_score` is the soft maximum of the terms."""

    temperature: float
    terms: tuple[Term, ...]
    threshold: float  # A picture with a larger score is unknown.
    # p_known is p_values[i] at the score knots[i], straight lines between them.
    knots: np.ndarray
    p_values: np.ndarray
    accept_known: float
    sets: PredictionSets | None
    num_held_out: int  # The pictures behind threshold, knots and sets.
    layers: dict[str, str]  # Layer -> the tensor of its map in the graph, for all but FEATURES.
    report: dict = dataclasses.field(default_factory=dict)  # For people.

    def replace(self, **changes):
        """Return a copy with `changes`."""
        return dataclasses.replace(self, **changes)

    def described(self):
        """Return `ModelInfo.limits`: what programs need besides the outputs of the graph."""
        sets = self.sets
        of_sets = (
            {'shown': sets.shown, 'temperature': sets.temperature, **sets.thresholds}
            if sets
            else {}
        )
        return {
            'accept_known': self.accept_known,
            'threshold': self.threshold,
            'temperature': self.temperature,
            'score': self.score_name(),
            'pictures': self.num_held_out,
            'sets': of_sets,
        }

    def score_name(self):
        """Return what the score is made of, such as `mahalanobis(features) + max_logit`."""
        return name_of((term.measure, term.layer) for term in self.terms)

    def apply(self, logits, layers):
        """Return the Verdicts for logits [pictures, classes] and {layer: [pictures, features]}."""
        values = [self._value(term, logits, layers) for term in self.terms]
        scores = soft_maximum(values)
        return Verdicts(
            probabilities=softmax(logits / self.temperature, axis=1),
            unknown_scores=scores,
            p_known=np.interp(scores, self.knots, self.p_values),
            is_known=scores <= self.threshold,
        )

    def _value(self, term, logits, layers):
        rows = logits if term.layer == measures.LOGITS else layers[term.layer]
        return (measures.MEASURES[term.measure].score(term.arrays, rows) - term.mean) / term.std


def name_of(terms):
    """Return the name of a score that is made of pairs of a measure and a layer."""
    return ' + '.join(
        measure if layer == measures.LOGITS else f'{measure}({layer})' for measure, layer in terms
    )


def soft_maximum(values):
    """Combine standardised values [terms, pictures]: the log of the mean of their exponentials."""
    values = np.asarray(values)
    mean = np.log(len(values))
    return (logsumexp(SHARPNESS * values, axis=0) - mean) / SHARPNESS
