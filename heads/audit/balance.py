"""Count the pictures of each class, and find classes that have too few."""

import numpy as np

from heads.audit.collection import Picture
from heads.audit.findings import Finding

# A class is small if it has less than this part of the median class.
_SMALL = 0.2
_FEWEST = 5


def counts(collection, rows):
    """Return an array of counts [classes, splits]; labels outside the classes are not counted."""
    found = np.zeros((len(collection.class_names), len(collection.splits)), np.int64)
    for split, dataset in enumerate(collection.datasets):
        first = collection.first_of(split)
        labels = rows['label'][first : first + dataset.num_samples]
        labels = labels[(labels >= 0) & (labels < len(found))]
        found[:, split] = np.bincount(labels, minlength=len(found))
    return found


def small_classes(collection, counted):
    """Yield a Finding for each class with few pictures, the smallest first.

    Classes without any picture, such as an unused background class, count as small too.
    """
    totals = counted.sum(axis=1)
    usual = float(np.median(totals[totals > 0])) if totals.any() else 0.0
    for label in np.argsort(totals, kind='stable'):
        if totals[label] < max(_FEWEST, _SMALL * usual):
            name = collection.class_names[label]
            yield Finding(
                'small_class',
                Picture(None, '', '', name),
                float(totals[label]),
                f'{totals[label]:,} pictures; the median class has {usual:,.0f}',
            )
