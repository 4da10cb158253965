"""Choose the classes of a picture that the page shows, and whether it calls the result unsure.

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
}


@dataclasses.dataclass(frozen=True)
class ShownClasses:
    """The classes that get a line each, best first, and the sum of the others."""

    predictions: tuple
    others: int  # How many classes share `others_probability`.
    others_probability: float
    is_unsure: bool


def choose(predictions, num_classes):
    """Return the ShownClasses of a picture's best predictions; the first one is always shown."""
    shown = predictions[:1] + tuple(
        each for each in predictions[1:] if each.probability >= RULES['folded_below']
    )
    left = 1 - sum(each.probability for each in shown)
    return ShownClasses(
        shown, num_classes - len(shown), max(0.0, left), _is_unsure(shown, num_classes)
    )


def _is_unsure(shown, num_classes):
    first, second = [*(each.probability for each in shown), 0.0][:2]
    chance = 1 / num_classes
    enough = chance + RULES['sure_from'] * (1 - chance)
    return first < enough or second > RULES['closest_second'] * first


def percent(probability):
    """Return a probability as a percentage."""
    return '<0.1%' if 0 < probability < 0.0005 else f'{100 * probability:.1f}%'
