"""The metrics of an evaluation, updated batch by batch in constant memory."""

from typing import NamedTuple

import numpy as np

from training.evaluation import calibration

# Number of thresholds of the precision-recall curves in TensorBoard's plugin.
PR_THRESHOLDS = 127


class ClassFigures(NamedTuple):
    """The figures of all classes, as arrays.

    Precision is 0 for a class that is never predicted. Recall and F1 are NaN for a class without
    examples.
    """

    precision: np.ndarray  # The share of its predictions that are right.
    recall: np.ndarray  # The share of its examples that were found.
    f1: np.ndarray  # The harmonic mean of both.
    examples: np.ndarray  # The number of its examples.


class Metrics:
    """Count correct and wrong predictions; properties can be read at any time."""

    def __init__(self, num_classes):
        self._num_classes = num_classes
        self.confusion = np.zeros([num_classes, num_classes], np.int64)  # true class, predicted
        self._rank_counts = np.zeros(num_classes, np.int64)
        self._loss_sum = 0.0
        self.calibration = calibration.Bins()
        self._pr_counts = np.zeros([2, num_classes, PR_THRESHOLDS], np.int64)  # wrong, right

    def update(self, labels, log_probabilities):
        """Add a batch: the true classes and the log probabilities of all classes."""
        labels = np.asarray(labels)
        log_probabilities = np.asarray(log_probabilities, np.float64)
        probabilities = np.exp(log_probabilities)
        predicted = log_probabilities.argmax(axis=1)
        rows = np.arange(len(labels))
        np.add.at(self.confusion, (labels, predicted), 1)
        np.add.at(self._rank_counts, _ranks(labels, log_probabilities), 1)
        self._loss_sum -= log_probabilities[rows, labels].sum()
        self.calibration.add(probabilities[rows, predicted], predicted == labels)
        self._add_to_curves(labels, probabilities)

    def _add_to_curves(self, labels, probabilities):
        is_true = labels[:, np.newaxis] == np.arange(self._num_classes)
        reached = (probabilities * (PR_THRESHOLDS - 1)).astype(int)
        classes = np.broadcast_to(np.arange(self._num_classes), reached.shape)
        np.add.at(self._pr_counts, (is_true.astype(int), classes, reached), 1)

    @property
    def count(self):
        """Count the examples."""
        return int(self.confusion.sum())

    @property
    def accuracy(self):
        """Return the share of examples whose most probable class is the true one."""
        return self.recall_at(1)

    def recall_at(self, k):
        """Return the share of examples whose true class is among the `k` most probable."""
        return float(self._rank_counts[:k].sum() / max(self.count, 1))

    @property
    def loss(self):
        """Return the mean cross entropy."""
        return float(self._loss_sum / max(self.count, 1))

    @property
    def calibration_error(self):
        """Return the expected calibration error over 15 bins."""
        return self.calibration.error

    @property
    def examples(self):
        """Count the examples of each class."""
        return self.confusion.sum(axis=1)

    def by_class(self):
        """Return the `ClassFigures`."""
        # Late: it takes a second to load.
        from sklearn.metrics import precision_recall_fscore_support

        # Each pair (true class, predicted class) is one sample; its count is its weight.
        true, predicted = self.confusion.nonzero()
        precision, recall, f1, _ = precision_recall_fscore_support(
            true,
            predicted,
            labels=np.arange(self._num_classes),
            sample_weight=self.confusion[true, predicted],
            zero_division=0,
        )
        has_examples = self.examples > 0
        recall, f1 = (np.where(has_examples, figure, np.nan) for figure in (recall, f1))
        return ClassFigures(precision, recall, f1, self.examples)

    def most_confused(self, count):
        """List (true class, predicted class, number of examples) of the most frequent mistakes."""
        mistakes = self.confusion - np.diag(np.diagonal(self.confusion))
        order = np.argsort(-mistakes, axis=None, kind='stable')[:count]
        pairs = zip(*np.unravel_index(order, mistakes.shape), strict=True)
        return [
            (int(true), int(predicted), int(mistakes[true, predicted]))
            for true, predicted in pairs
            if mistakes[true, predicted]
        ]

    def precision_recall_counts(self):
        """Return true and false positives, true and false negatives: [classes, thresholds] each.

        A class counts as predicted if its probability is at least the threshold; the thresholds are
        evenly spaced from 0 to 1.
        """
        wrong, right = self._pr_counts
        false_positives = np.cumsum(wrong[:, ::-1], axis=1)[:, ::-1]
        true_positives = np.cumsum(right[:, ::-1], axis=1)[:, ::-1]
        true_negatives = wrong.sum(axis=1, keepdims=True) - false_positives
        false_negatives = right.sum(axis=1, keepdims=True) - true_positives
        return true_positives, false_positives, true_negatives, false_negatives


def _ranks(labels, scores):
    """Return the rank of each row's label among its scores, without slow sorting."""
    labels = labels[:, np.newaxis]
    own = np.take_along_axis(scores, labels, axis=1)
    comes_first = np.arange(scores.shape[1]) < labels
    return ((scores > own) | ((scores == own) & comes_first)).sum(axis=1)


def best_first(probabilities):
    """Return the classes of each row, most probable first; equal ones keep their order."""
    return np.argsort(-probabilities, axis=1, kind='stable')
