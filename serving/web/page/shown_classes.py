"""Choose the classes of a picture that the page shows, and what it says of the whole result.

static/results.js follows the same rules for the answers of the API; the page hands it RULES.
"""

import dataclasses

RULES = {
    # Classes below 1.0%, as printed, are counted in one line.
    'folded_below': 0.00995,
    # An answer is sure from this part of the way between chance (1 / classes) and certainty: from
    # 75% where there are 2 classes, from 50.05% where there are 1,000.
    'sure_from': 0.5,
    # It is unsure as well when the second class has more than this part of the probability of
    # the first: 52% against 47%.
    'closest_second': 0.5,
    # A headline names at most so many likely classes, and counts the others.
    'most_named': 3,
}

# What the page says of a result, apart from its classes.
SURE, UNSURE = '', 'unsure'
UNKNOWN = 'unknown'  # The picture is of none of the classes.
SEVERAL = 'several'  # Several classes are likely.


@dataclasses.dataclass(frozen=True)
class ShownClasses:
    """The classes that get a line each, best first, and the sum of the others."""

    predictions: tuple  # Their probabilities are calibrated if the limits of the model are known.
    others: int  # How many classes share `others_probability`.
    others_probability: float
    kind: str  # SURE, UNSURE, UNKNOWN or SEVERAL.
    likely: tuple = ()  # The labels of the classes in the prediction set, best first.

    def kind_of_line(self, rank):
        """Return how the line of a class looks: 'best', 'likely' or ''."""
        if self.kind == SEVERAL:
            return 'likely' if rank < len(self.likely) else ''
        return 'best' if rank == 0 and self.kind != UNKNOWN else ''


def choose(predictions, num_classes, verdict=None, likely=()):
    """Return the ShownClasses of a picture's best predictions; the first one is always shown.

    The Verdict and `likely`, the labels of its prediction set, are given if the limits of the model
    are known. The set then decides whether the result is unsure.
    """
    if verdict:
        predictions = [
            dataclasses.replace(each, probability=float(verdict.probabilities[each.index]))
            for each in predictions
        ]
    shown = tuple(
        each
        for rank, each in enumerate(predictions)
        if rank == 0 or each.probability >= RULES['folded_below']
    )
    left = 1 - sum(each.probability for each in shown)
    kind = _kind(shown, num_classes, verdict, likely)
    return ShownClasses(shown, num_classes - len(shown), max(0.0, left), kind, tuple(likely))


def _kind(shown, num_classes, verdict, likely):
    if verdict and not verdict.is_known:
        return UNKNOWN
    if likely:
        return SEVERAL if len(likely) > 1 else SURE
    return UNSURE if _is_unsure(shown, num_classes) else SURE


def _is_unsure(shown, num_classes):
    first, second = [*(each.probability for each in shown), 0.0][:2]
    chance = 1 / num_classes
    enough = chance + RULES['sure_from'] * (1 - chance)
    return first < enough or second > RULES['closest_second'] * first


def percent(probability):
    """Return a probability as a percentage."""
    return '<0.1%' if 0 < probability < 0.0005 else f'{100 * probability:.1f}%'
