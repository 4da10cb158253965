"""The choice of a score by leaving classes out: what wins, and what is never chosen."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from heads.limits import candidates, choice, fitting, scores
from heads.limits.known_pictures import Head
from heads.limits.limits import FEATURES
from heads.limits.scores import Pictures

EARLIER = ('before', 'middle')
WIDTH = 24


def known(count=30, classes=4, seed=0, noise=0.3):
    """Return Pictures of classes that are round clouds."""
    means = np.random.default_rng(1).normal(0, 1, [classes, WIDTH])
    return around(means, np.repeat(np.arange(classes), count), seed, noise)


def around(means, outputs, seed, noise=0.3):
    drawn = np.random.default_rng(seed).normal(0, noise, [3, len(outputs), WIDTH])
    rows = np.abs(means[outputs]) + drawn
    return Pictures(dict(zip((FEATURES, *EARLIER), rows, strict=True)), outputs)


def head_of(pictures):
    """Return a Head that separates the classes."""
    means = np.stack([rows.mean(axis=0) for rows in by_class(pictures)])
    return Head(4 * means.T, -2 * (means**2).sum(axis=1))


def by_class(pictures):
    rows = pictures.layers[FEATURES]
    return [rows[pictures.outputs == each] for each in np.unique(pictures.outputs)]


def nothing(pictures):
    return pictures.part(np.arange(0))


def test_the_default_stays_if_no_score_is_clearly_better():
    candidate, figures = choice.choose(candidates.all_of(EARLIER), known())
    assert candidate == candidates.all_of(EARLIER)[0]
    assert len(figures) == 22
    assert figures == sorted(figures, key=lambda each: -each.auroc)
    assert all(0 <= each.auroc <= 1 for each in figures)


def test_a_clearly_better_score_replaces_a_bad_default():
    bad_first = list(reversed(candidates.all_of(EARLIER)))
    bad_first.sort(key=lambda each: 'relative' not in each.name())
    # Noise that is not strange in the middle: only the first term of each score counts.
    pictures = known(count=40, classes=6, noise=0.7)
    pictures.layers['middle'][:] = np.random.default_rng(5).normal(1, 0.1, [len(pictures), WIDTH])
    candidate, figures = choice.choose(bad_first, pictures)
    worst = next(each for each in figures if each.name == bad_first[0].name())
    chosen = next(each for each in figures if each.name == candidate.name())
    assert chosen.auroc > worst.auroc + 0.005
    assert 'relative' not in candidate.name()


def test_the_choice_does_not_depend_on_the_number_of_threads(monkeypatch):
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(choice.processors, 'available', lambda threads=threads: threads)
        found.append(choice.choose(candidates.all_of(EARLIER), known(count=20)))
    assert found[0][0] == found[1][0]
    np.testing.assert_allclose(
        *([each.auroc for each in figures] for _, figures in found), atol=1e-6
    )


@pytest.mark.parametrize(
    ('pictures', 'why'),
    [
        (known(classes=2), '2 of the 3 classes'),
        (known(classes=1), '1 of the 3 classes'),
        (known(count=5), '20 pictures of 4 classes, fewer than 10 of each'),
    ],
    ids=['two classes', 'one class', 'few pictures'],
)
def test_few_classes_or_pictures_take_the_default(pictures, why):
    candidate, figures, why_default = fitting.choose(EARLIER, pictures)
    assert candidate == candidates.all_of(EARLIER)[0]
    assert figures == []
    assert why in why_default


def test_of_very_many_classes_some_take_part():
    pictures = known(count=12, classes=300)
    _, figures, why_default = fitting.choose(EARLIER, pictures)
    assert why_default == ''
    assert len(figures) == len(candidates.all_of(EARLIER))


@pytest.mark.parametrize(
    ('counts', 'why'),
    [
        ((58, 1, 1), '1 of the 3 classes that are needed have 3 pictures'),
        ((50, 6, 2, 2), '2 of the 3 classes'),
        ((50, 4, 4, 1), ''),
        ((3000, 4, 4), '1 of the 3 classes'),
    ],
)
def test_classes_with_hardly_any_pictures_take_no_part(counts, why):
    outputs = np.repeat(np.arange(len(counts)), counts)
    means = np.random.default_rng(1).normal(0, 1, [len(counts), WIDTH])
    _, figures, why_default = fitting.choose(EARLIER, around(means, outputs, 0))
    assert why_default.startswith(why)
    assert bool(figures) == (why == '')


def test_every_score_looks_at_the_middle_of_the_network():
    for has_logits in (True, False):
        for candidate in candidates.all_of(EARLIER, has_logits):
            assert ('root_mahalanobis', 'middle') in candidate.terms
            assert has_logits or 'max_' not in candidate.name()


@pytest.mark.parametrize(
    ('classes', 'count', 'num_validation', 'is_usable'),
    [(4, 30, 200, False), (4, 30, 24, True), (2, 20, 0, True), (1, 30, 0, True), (10, 5, 0, True)],
    ids=['validation', 'both', 'two classes', 'one class', '5 pictures a class'],
)
def test_known_pictures_pass_and_others_do_not(classes, count, num_validation, is_usable):
    train = known(count, classes)
    new = known(300 // classes, classes, seed=8)
    validation = known(200, classes, seed=7).part(np.arange(0, 200 * classes, classes))
    validation = validation.part(np.arange(num_validation))
    head = head_of(train)
    candidate, _, _ = fitting.choose(EARLIER, train, classes > 1)
    tensors = {layer: f'net/{layer}:0' for layer in EARLIER}
    limits, held_out = fitting.fit(
        candidate, train, validation, head,
        train_is_usable=is_usable, accept_known=0.9, tensors=tensors,
    )  # fmt: skip
    assert len(held_out) == num_validation + (len(train) if is_usable else 0)
    strange = around(np.random.default_rng(3).normal(0, 1, [1, WIDTH]), np.zeros(100, int), 9)
    verdicts = [limits.apply(head.logits(each), each.layers) for each in (new, strange)]
    assert 0.8 < verdicts[0].is_known.mean() <= 1
    assert verdicts[1].is_known.mean() < 0.2
    labels = np.arange(len(new) + 100) >= len(new)
    found = np.concatenate([each.unknown_scores for each in verdicts])
    assert roc_auc_score(labels, found) > 0.95


def test_a_head_with_larger_logits_has_a_larger_temperature():
    train = known(count=30)
    # Wrong labels, so that the head is not always right.
    train.outputs[::9] = (train.outputs[::9] + 1) % 4
    candidate = candidates.all_of(EARLIER)[0]
    found = []
    for factor in (1, 3):
        head = head_of(train)
        head = Head(factor * head.weights, factor * head.biases)
        limits, _ = fitting.fit(
            candidate, train, nothing(train), head,
            train_is_usable=True, accept_known=0.95, tensors={},
        )  # fmt: skip
        found.append(limits.temperature)
    assert found[1] == pytest.approx(3 * found[0], rel=1e-2)


def test_folds_hold_out_each_picture_once():
    outputs = np.array([0] * 7 + [1] * 5 + [2])
    held = np.concatenate([held for _, held in scores.folds(outputs, 5)])
    assert sorted(held) == list(range(12))
