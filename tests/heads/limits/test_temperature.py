"""The temperature is the one with the smallest log loss."""

import numpy as np
import pytest
from scipy import optimize
from scipy.special import log_softmax, softmax

from heads.limits import temperature
from training.evaluation.metrics import Metrics


def problem(count, classes, own_temperature, seed=0, spread=1.0):
    """Return (logits, outputs): classes drawn from softmax(logits / own_temperature)."""
    random = np.random.default_rng(seed)
    true = random.normal(scale=spread, size=(count, classes))
    ranks = random.random(count)[:, np.newaxis] > np.cumsum(softmax(true, axis=1), axis=1)
    return own_temperature * true, np.minimum(ranks.sum(axis=1), classes - 1)


def calibration_error(logits, outputs):
    metrics = Metrics(logits.shape[1])
    metrics.update(outputs, log_softmax(logits, axis=1))
    return metrics.calibration_error


@pytest.mark.parametrize('own', [0.4, 1.0, 2.5, 8.0])
@pytest.mark.parametrize('classes', [2, 10])
def test_the_temperature_of_overconfident_logits_is_found(own, classes):
    logits, outputs = problem(20_000, classes, own, spread=2.0)
    found = temperature.fit(logits, outputs)
    assert found == pytest.approx(own, rel=0.04)
    assert calibration_error(logits / found, outputs) < 0.015


def test_it_minimises_the_log_loss():
    logits, outputs = problem(300, 5, 3.0)

    def loss(number):
        return -log_softmax(logits / number, axis=1)[np.arange(300), outputs].mean()

    found = temperature.fit(logits.astype(np.float32), outputs)
    best = optimize.minimize_scalar(loss, bounds=(0.05, 20), method='bounded')
    assert found == pytest.approx(best.x, rel=1e-3)


def test_it_stays_within_its_bounds():
    logits, outputs = problem(200, 4, 1.0)
    # Answers that have nothing to do with the logits: the best probabilities are equal ones.
    assert temperature.fit(100 * logits, np.roll(outputs, 7)) == pytest.approx(20, rel=0.01)
    logits = np.array([[1e-3, 0.0]] * 29 + [[0.0, 1e-5]])
    assert temperature.fit(logits, np.zeros(30, int)) == pytest.approx(0.05, rel=0.01)


def test_one_mistake_among_few_pictures_does_not_decide():
    logits = np.array([[8.0, 0.0]] * (temperature.LEAST_PICTURES - 2) + [[0.0, 8.0]])
    assert temperature.fit(logits, np.zeros(len(logits), int)) == 1.0
    logits = np.concatenate([logits, logits])
    assert temperature.fit(logits, np.zeros(len(logits), int)) > 1.5


def test_it_is_1_if_all_answers_are_right():
    logits, _ = problem(100, 6, 1.0, spread=4.0)
    for factor in (0.1, 1, 10):
        assert temperature.fit(factor * logits, logits.argmax(axis=1)) == 1.0
    assert temperature.fit([[0.0, 0.3]], [1]) == 1.0


@pytest.mark.parametrize(
    ('logits', 'outputs'),
    [
        (np.zeros((0, 4)), []),
        (np.array([[2.0], [-3.0]]), [0, 0]),
        (np.zeros((3, 4)), [0, 1, 2]),
        (np.full((3, 4), 7.0), [0, 1, 2]),
    ],
)
def test_it_is_1_if_the_pictures_do_not_say(logits, outputs):
    assert temperature.fit(logits, outputs) == 1.0


def test_a_class_without_pictures_does_not_matter():
    logits, outputs = problem(500, 5, 2.0)
    wider = np.insert(logits, 2, -np.inf, axis=1)
    with np.errstate(all='raise', under='ignore'):
        found = temperature.fit(wider, outputs + (outputs >= 2))
    assert found == pytest.approx(temperature.fit(logits, outputs), rel=1e-6)


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_what_is_no_logit_is_refused(bad):
    with pytest.raises(ValueError, match='a logit is NaN or infinite'):
        temperature.fit([[0.0, bad]], [0])
    with pytest.raises(ValueError, match="of a picture's own class is infinite"):
        temperature.fit([[0.0, -np.inf]], [1])
    with pytest.raises(ValueError, match=r'\(1, 2\) logits for \(2,\) pictures'):
        temperature.fit([[0.0, 1.0]], [1, 0])


def test_large_logits_and_1001_classes_are_no_problem():
    logits, outputs = problem(2000, 1001, 3.0, spread=3.0)
    assert temperature.fit(logits, outputs) == pytest.approx(3.0, rel=0.05)
    with np.errstate(all='raise', under='ignore'):
        assert np.isfinite(temperature.fit(1e6 * logits[:50], outputs[:50]))
