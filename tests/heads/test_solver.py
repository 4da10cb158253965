"""The exact solver: scikit-learn's optimum in the weights and biases of a layer."""

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.utils.class_weight import compute_sample_weight

from common import processors
from common.errors import UserError
from heads import solver
from training import losses


def pictures(counts, width=12, seed=3, spread=1.0, shift=5.0):
    """Return (features, outputs) of some classes: clouds around points, far from the origin."""
    random = np.random.default_rng(seed)
    outputs = np.repeat(np.arange(len(counts)), counts)
    centres = random.normal(size=(len(counts), width))
    features = centres[outputs] + spread * random.normal(size=(len(outputs), width)) + shift
    return features.astype(np.float32), outputs


def logits_of(solution, features):
    return features.astype(np.float64) @ solution.weights + solution.biases


def normalised(features):
    centred = features - features.mean(axis=0, dtype=np.float64)
    scale = np.linalg.norm(centred, axis=1).mean()
    return centred / scale, scale


def loss(coefficients, logits, outputs, strength, weights=1.0):
    """Return what scikit-learn minimises."""
    errors = -log_softmax(logits, axis=1)[np.arange(len(outputs)), outputs]
    return strength * (weights * errors).sum() + 0.5 * (coefficients**2).sum()


@pytest.mark.parametrize(
    ('width', 'class_weights'),
    [(12, None), (12, [1.0, 2.0, 0.5]), (200, None)],
    ids=['more pictures', 'weighted', 'more features'],
)
def test_optimum_is_that_of_scikit_learn(width, class_weights):
    features, outputs = pictures([30, 40, 20], width)
    solution = solver.fit(features, outputs, 3, class_weights)
    rows, scale = normalised(features)
    weights = np.ones(3) if class_weights is None else np.array(class_weights)
    reference = LogisticRegression(C=solution.strength, tol=1e-12, max_iter=100_000)
    reference.fit(rows, outputs, weights[outputs])
    at = (outputs, solution.strength, weights[outputs])
    best = loss(reference.coef_, reference.decision_function(rows), *at)
    ours = loss(solution.weights * scale, logits_of(solution, features), *at)
    assert ours == pytest.approx(best, rel=1e-6)
    probabilities = softmax(logits_of(solution, features), axis=1)
    np.testing.assert_allclose(probabilities, reference.predict_proba(rows), atol=1e-4)
    assert solution.has_converged


def test_two_classes_have_symmetric_weights():
    features, outputs = pictures([30, 20])
    solution = solver.fit(features, outputs, 2)
    np.testing.assert_allclose(solution.weights.sum(axis=1), 0, atol=1e-6)
    rows, _ = normalised(features)
    reference = LogisticRegression(C=solution.strength, tol=1e-12, max_iter=100_000)
    expected = reference.fit(rows, outputs).predict_proba(rows)
    np.testing.assert_allclose(softmax(logits_of(solution, features), axis=1), expected, atol=1e-4)


def test_number_of_threads_does_not_change_the_result(monkeypatch):
    features, outputs = pictures([30, 40, 20])
    found = []
    for count in (1, 2, 3):
        monkeypatch.setattr(processors, 'available', lambda count=count: count)
        found.append(solver.fit(features, outputs, 3))
    for other in found[1:]:
        assert np.array_equal(other.weights, found[0].weights)
        assert np.array_equal(other.biases, found[0].biases)
        assert np.array_equal(other.held_out, found[0].held_out)


def test_features_may_be_a_memory_map(tmp_path):
    features, outputs = pictures([30, 40, 20])
    np.save(tmp_path / 'features.npy', features)
    mapped = np.load(tmp_path / 'features.npy', mmap_mode='r')
    expected = solver.fit(features, outputs, 3)
    assert np.array_equal(solver.fit(mapped, outputs, 3).weights, expected.weights)


def test_strength_with_the_least_log_loss_is_chosen():
    features, outputs = pictures([30, 40, 20], spread=2.0)
    reported = []
    solution = solver.fit(features, outputs, 3, report=reported.append)
    assert tuple(reported) == solution.rows
    assert solution.chosen.log_loss == min(row.log_loss for row in solution.rows)
    assert solution.folds == 5
    assert [row.strength for row in solution.rows] == list(solver.STRENGTHS[: len(solution.rows)])
    # Weaker regularization only overfits these classes, which overlap.
    assert solution.strength < solution.rows[-1].strength < solver.STRENGTHS[-1]


def test_grid_row_is_measured_on_held_out_pictures():
    features, outputs = pictures([30, 40, 20], spread=2.0)
    solution = solver.fit(features, outputs, 3)
    right = solution.held_out.argmax(axis=1) == outputs
    assert solution.chosen.accuracy == right.mean()
    error = np.sqrt(right.mean() * (1 - right.mean()) / len(outputs))
    assert solution.chosen.standard_error == pytest.approx(error)
    assert solution.chosen.log_loss == pytest.approx(
        -log_softmax(solution.held_out.astype(np.float64), axis=1)[np.arange(90), outputs].mean()
    )
    # The classes overlap, and the fit to all pictures has seen them.
    logits = logits_of(solution, features)
    assert solution.accuracy == (logits.argmax(axis=1) == outputs).mean() > right.mean()
    errors = -log_softmax(logits, axis=1)[np.arange(90), outputs]
    assert solution.loss == pytest.approx(errors.mean(), rel=1e-4)
    assert solution.loss < solution.chosen.log_loss


def test_search_ends_when_nothing_is_left_to_gain():
    features, outputs = pictures([30, 40, 20], spread=0.1)
    solution = solver.fit(features, outputs, 3)
    assert solution.chosen == solution.rows[-1]
    assert solution.rows[-1].log_loss < 0.01 < solution.rows[-2].log_loss
    assert solution.strength < solver.STRENGTHS[-1]


def test_noise_gets_the_strongest_regularization():
    features, _ = pictures([60], width=100)
    outputs = np.arange(60) % 3
    assert solver.fit(features, outputs, 3).strength == solver.STRENGTHS[0]


def test_class_without_pictures_is_improbable_and_changes_nothing():
    features, outputs = pictures([30, 40, 20])
    expected = solver.fit(features, outputs, 3)
    places = np.array([0, 2, 4])
    solution = solver.fit(features, places[outputs], 6)
    assert np.array_equal(solution.weights[:, places], expected.weights)
    assert not solution.weights[:, [1, 3, 5]].any()
    probabilities = softmax(logits_of(solution, features), axis=1)
    assert probabilities[:, [1, 3, 5]].max() == pytest.approx(solver.ABSENT_PROBABILITY, rel=1e-3)
    assert np.array_equal(
        solution.held_out.argmax(axis=1), places[expected.held_out.argmax(axis=1)]
    )


@pytest.mark.parametrize(
    ('counts', 'folds'),
    [
        ([20, 1, 20], 5),
        ([20, 3, 2], 5),
        ([4, 4], 4),
        ([2, 2, 1], 2),
        ([9, 1, 1], 0),
        ([1, 1, 1], 0),
    ],
)
def test_few_pictures_in_a_class(counts, folds):
    features, outputs = pictures(counts, spread=0.1)
    solution = solver.fit(features, outputs, len(counts))
    assert solution.folds == folds
    assert np.array_equal(logits_of(solution, features).argmax(axis=1), outputs)
    # A class's only picture is never held out.
    alone = (np.bincount(outputs)[outputs] == 1) | (folds == 0)
    assert np.array_equal(np.isnan(solution.held_out).all(axis=1), alone)


def test_without_validation_the_strength_is_fixed():
    features, outputs = pictures([1, 1, 1])
    solution = solver.fit(features, outputs, 3)
    assert solution.strength == solver.UNVALIDATED_STRENGTH
    assert solution.rows == ()
    assert solution.chosen is None


def test_one_class_is_an_error():
    features, _ = pictures([5])
    with pytest.raises(UserError, match='all 5 pictures are of class 1; a head needs pictures of'):
        solver.fit(features, np.ones(5, int), 3)


def test_equal_features_give_the_frequencies():
    features = np.full((10, 4), 2.0, np.float32)
    outputs = np.repeat([0, 1], [8, 2])
    solution = solver.fit(features, outputs, 2)
    probabilities = softmax(logits_of(solution, features), axis=1)
    np.testing.assert_allclose(probabilities, np.tile([0.8, 0.2], (10, 1)), atol=1e-3)


def test_report_can_end_the_search():
    def stop(row):
        raise KeyboardInterrupt

    features, outputs = pictures([30, 40, 20])
    with pytest.raises(KeyboardInterrupt):
        solver.fit(features, outputs, 3, report=stop)


def test_balanced_weights_are_those_of_scikit_learn():
    outputs = np.repeat([0, 1, 3], [30, 5, 10])
    weights = losses.balanced_weights(np.bincount(outputs))
    np.testing.assert_allclose(weights[outputs], compute_sample_weight('balanced', outputs))
