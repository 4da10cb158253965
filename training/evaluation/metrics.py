"""The metrics of an evaluation, updated batch by batch in constant memory."""

import numpy as np

# Number of thresholds of the precision-recall curves in TensorBoard's plugin.
PR_THRESHOLDS = 127
_CALIBRATION_BINS = 15


class Metrics:
    """Count correct and wrong predictions; properties can be read at any time.

    Precision, recall and F1 are 0 if they are undefined, as in scikit-learn, but NaN for classes
    without examples.
    """

    def __init__(self, num_classes):
        self._num_classes = num_classes
        self.confusion = np.zeros([num_classes, num_classes], np.int64)  # true class, predicted
        self._rank_counts = np.zeros(num_classes, np.int64)
        self._loss_sum = 0.0
        self._bin_counts = np.zeros([_CALIBRATION_BINS, 3])  # examples, confidence, right
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
        self._add_to_bins(probabilities[rows, predicted], predicted == labels)
        self._add_to_curves(labels, probabilities)

    def _add_to_bins(self, confidence, right):
        # Bins exclude their lower bound, so a confidence of exactly 1 is in the last one.
        bins = np.clip(np.ceil(confidence * _CALIBRATION_BINS) - 1, 0, _CALIBRATION_BINS - 1)
        columns = np.stack([np.ones_like(confidence), confidence, right], axis=1)
        np.add.at(self._bin_counts, bins.astype(int), columns)

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
        """Return the expected calibration error (Guo et al., arXiv:1706.04599) over 15 bins."""
        counts, confidence, right = self._bin_counts.T
        return float(np.abs(confidence - right).sum() / max(counts.sum(), 1))

    @property
    def examples(self):
        """Count the examples of each class."""
        return self.confusion.sum(axis=1)

    @property
    def precision(self):
        """Return, for each class, the share of its predictions that are right."""
        return self._right / np.maximum(self.confusion.sum(axis=0), 1)

    @property
    def recall(self):
        """Return, for each class, the share of its examples that were found."""
        return np.where(self.examples > 0, self._right / np.maximum(self.examples, 1), np.nan)

    @property
    def f1(self):
        """Return, for each class, the harmonic mean of precision and recall."""
        both = self.examples + self.confusion.sum(axis=0)
        return np.where(self.examples > 0, 2 * self._right / np.maximum(both, 1), np.nan)

    @property
    def _right(self):
        return np.diagonal(self.confusion)

    def most_confused(self, count):
        """List (true class, predicted class, number of examples) of the most frequent mistakes."""
        mistakes = self.confusion - np.diag(self._right)
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


def log_softmax(logits):
    """Return the log probability of each class, which is also exact for tiny probabilities."""
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
