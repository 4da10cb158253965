"""What the page says of a picture before its classes, if the limits of the model are known.

static/headlines.js does the same for the answers of the API.
"""

import dataclasses
import math

from serving.web.page.shown_classes import RULES, SEVERAL, UNKNOWN


@dataclasses.dataclass(frozen=True)
class Headline:
    """A short statement, and smaller notes below it."""

    text: str
    notes: tuple[str, ...]


def of_classes(shown, verdict, sentences):
    """Return the Headline of ShownClasses, or None if the best class says it all."""
    if shown.kind == UNKNOWN:
        most_like = sentences['most_like'].format(label=shown.predictions[0].label)
        percent = usual_percent(verdict.p_known)
        unusual = sentences['more_unusual'].format(percent=percent)
        return Headline(sentences['unknown'], (most_like, unusual))
    if shown.kind == SEVERAL:
        return Headline(one_of(shown.likely, sentences), (sentences['one_of_these'],))
    return None


def one_of(labels, sentences):
    """Join the labels of two or more classes: `daisy, roses or tulips`."""
    most = RULES['most_named']
    if len(labels) > most:
        named, left = labels[: most - 1], len(labels) - most + 1
        return sentences['or_more'].format(first=_listed(named, sentences), count=left)
    return sentences['or'].format(first=_listed(labels[:-1], sentences), last=labels[-1])


def usual_percent(p_known):
    """Return how many of 100 pictures of the classes are more usual; never all of them."""
    return min(99, math.floor(100 * (1 - p_known) + 0.5))


def _listed(labels, sentences):
    return sentences['between'].join(labels)
