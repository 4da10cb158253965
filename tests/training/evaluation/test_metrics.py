import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn import metrics as sklearn_metrics

from training.evaluation.metrics import PR_THRESHOLDS, Metrics, best_first


def made_up(num_classes, count=400, seed=0):
    """Return labels and logits of a classifier that is right about half of the time."""
    random = np.random.RandomState(seed)
    labels = np.concatenate([np.arange(num_classes), random.randint(num_classes, size=count)])
    logits = random.standard_normal([len(labels), num_classes])
    logits[np.arange(len(labels)), labels] += 1.5
    return labels, logits


def counted(labels, logits, batch_size=64):
    metrics = Metrics(logits.shape[1])
    for start in range(0, len(labels), batch_size):
        batch = slice(start, start + batch_size)
        metrics.update(labels[batch], log_softmax(logits[batch], axis=1))
    return metrics


@pytest.mark.parametrize('num_classes', [2, 5, 10, 1000])
def test_all_figures_equal_those_of_scikit_learn(num_classes):
    labels, logits = made_up(num_classes)
    metrics = counted(labels, logits)
    predicted = logits.argmax(axis=1)
    classes = np.arange(num_classes)
    expected = sklearn_metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    for figure, plain in zip(metrics.by_class(), expected, strict=True):
        np.testing.assert_allclose(figure, plain)
    matrix = sklearn_metrics.confusion_matrix(labels, predicted, labels=classes)
    np.testing.assert_array_equal(metrics.confusion, matrix)
    assert metrics.accuracy == pytest.approx(sklearn_metrics.accuracy_score(labels, predicted))
    probabilities = np.exp(log_softmax(logits, axis=1))
    loss = sklearn_metrics.log_loss(labels, probabilities, labels=classes)
    assert metrics.loss == pytest.approx(loss)
    if num_classes > 5:
        top_5 = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=5, labels=classes)
        assert metrics.recall_at(5) == pytest.approx(top_5)


@pytest.mark.parametrize('batch_size', [1, 7, 100])
def test_the_batch_size_changes_nothing(batch_size):
    labels, logits = made_up(5)
    metrics, whole = counted(labels, logits, batch_size), counted(labels, logits, len(labels))
    assert metrics.accuracy == whole.accuracy
    assert metrics.loss == pytest.approx(whole.loss, abs=1e-12)
    assert metrics.calibration_error == pytest.approx(whole.calibration_error, abs=1e-12)


def test_a_calibrated_classifier_has_no_calibration_error_and_a_boastful_one_has():
    # 90% sure and right nine times of ten; then 99.9% sure and right as often.
    labels = np.array([0] * 9 + [1])
    sure = np.log(np.array([[0.9, 0.1]] * 10))
    boastful = np.log(np.array([[0.999, 0.001]] * 10))
    for log_probabilities, expected in ((sure, 0.0), (boastful, 0.099)):
        metrics = Metrics(2)
        metrics.update(labels, log_probabilities)
        assert metrics.calibration_error == pytest.approx(expected, abs=1e-9)


def test_the_most_confused_pairs_come_first():
    labels = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([1, 1, 0, 1, 0, 2])
    metrics = Metrics(3)
    metrics.update(labels, log_softmax(10.0 * np.eye(3)[predicted], axis=1))
    assert metrics.most_confused(10) == [(0, 1, 2), (1, 0, 1)]
    assert metrics.most_confused(1) == [(0, 1, 2)]


def test_precision_recall_counts_equal_a_plain_count():
    labels, logits = made_up(3, count=50)
    probabilities = np.exp(log_softmax(logits, axis=1))
    counts = counted(labels, logits).precision_recall_counts()
    for index in (0, 20, 63, PR_THRESHOLDS - 1):
        positive = probabilities >= index / (PR_THRESHOLDS - 1)
        true = labels[:, np.newaxis] == np.arange(3)
        plain = [positive & true, positive & ~true, ~positive & ~true, ~positive & true]
        for got, wanted in zip(counts, plain, strict=True):
            np.testing.assert_array_equal(got[:, index], wanted.sum(axis=0))


def test_a_class_without_examples_and_one_that_is_never_predicted():
    metrics = Metrics(3)
    metrics.update([0, 1], log_softmax([[9.0, 0, 0], [9.0, 0, 0]], axis=1))
    figures = metrics.by_class()
    assert figures.recall[0] == 1
    assert figures.recall[1] == 0
    assert np.isnan(figures.recall[2])
    assert np.isnan(figures.f1[2])
    assert figures.precision[1] == 0


def test_one_class_and_no_example_give_numbers():
    metrics = Metrics(1)
    assert (metrics.count, metrics.accuracy, metrics.loss) == (0, 0, 0)
    metrics.update([0], log_softmax([[3.0]], axis=1))
    assert (metrics.count, metrics.accuracy, metrics.loss) == (1, 1, 0)


def test_equal_probabilities_keep_the_order_of_the_classes():
    assert best_first(np.array([[0.25, 0.25, 0.5]])).tolist() == [[2, 0, 1]]


def test_a_vanishing_probability_has_an_exact_loss():
    metrics = Metrics(2)
    metrics.update([1], log_softmax([[2000.0, 0.0]], axis=1))
    assert metrics.loss == 2000


def test_of_equal_probabilities_the_first_class_comes_first():
    metrics = counted(np.arange(4), np.zeros([4, 4]))
    assert [metrics.recall_at(k) for k in (1, 2, 3, 4)] == [0.25, 0.5, 0.75, 1]
    assert metrics.confusion[:, 0].tolist() == [1, 1, 1, 1]
