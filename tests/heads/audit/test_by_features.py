"""What the features of a network show: neighbours, outliers and doubtful labels."""

import numpy as np
import pytest

from heads.audit.by_features import doubtful_labels, neighbours
from heads.audit.by_features.table import FeatureTable


def clusters(count=300, classes=3, width=20, seed=0):
    """Return (features, labels) of classes that are easily told apart."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = generator.normal(0, 3, (classes, width))
    return (centres[labels] + generator.normal(0, 1, (count, width))).astype(np.float32), labels


def table_of(features, *cuts):
    return FeatureTable(tuple(np.split(features, cuts)), np.arange(len(features)))


def test_a_table_reads_rows_of_all_splits_and_leaves_records_out():
    features, _ = clusters(30)
    table = table_of(features, 10, 22).without({3, 25})
    assert len(table) == 28
    np.testing.assert_array_equal(table.rows(np.array([27, 0, 3])), features[[29, 0, 4]])


def test_directions_have_length_1_and_keep_the_angles_around_the_mean():
    features, _ = clusters(50, width=5)
    found = table_of(features).directions()
    centred = features - features.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=1e-5)


@pytest.mark.parametrize('blocks', [(7, 11), (1000, 1000)])
def test_the_nearest_are_those_of_a_comparison_of_all_with_all(monkeypatch, blocks):
    monkeypatch.setattr(neighbours, '_ROWS', blocks[0])
    monkeypatch.setattr(neighbours, '_COLUMNS', blocks[1])
    vectors = table_of(clusters(90)[0]).directions()
    products = vectors @ vectors.T
    np.fill_diagonal(products, -2)
    places, cosines = neighbours.nearest(vectors, 4)
    np.testing.assert_allclose(cosines, -np.sort(-products, axis=1)[:, :4], atol=1e-6)
    np.testing.assert_allclose(cosines, np.take_along_axis(products, places, axis=1), atol=1e-6)


def test_of_many_vectors_some_are_candidates_and_none_is_its_own(monkeypatch):
    monkeypatch.setattr(neighbours, 'MANY', 50)
    monkeypatch.setattr(neighbours, '_CANDIDATES_OF_MANY', 30)
    vectors = table_of(clusters(90)[0]).directions()
    places, cosines = neighbours.nearest(vectors)
    assert len(np.unique(places)) <= 30
    assert (places != np.arange(90)[:, np.newaxis]).all()
    products = np.take_along_axis(vectors @ vectors.T, places, axis=1)
    np.testing.assert_allclose(cosines, products, atol=1e-6)


def test_fewer_vectors_than_neighbours_leave_places_open():
    places, cosines = neighbours.nearest(np.eye(3, dtype=np.float32))
    assert (places[:, 2:] == -1).all()
    assert (cosines[:, :2] == 0).all()


def test_a_vector_far_from_all_others_is_an_outlier_and_usual_ones_are_not():
    features, _ = clusters()
    _, cosines = neighbours.nearest(table_of(features).directions())
    assert len(neighbours.outliers(cosines)[0]) <= 3
    features[40] = np.random.default_rng(5).normal(0, 3, features.shape[1])
    _, cosines = neighbours.nearest(table_of(features).directions())
    places, scores = neighbours.outliers(cosines)
    assert places[0] == 40
    assert scores[0] > 4


def test_flipped_labels_are_doubted_and_their_class_is_suggested():
    features, labels = clusters()
    wrong = labels.copy()
    flipped = [5, 60, 121, 200]
    wrong[flipped] = (labels[flipped] + 1) % 3
    places, suggested, best, own = doubtful_labels.find(table_of(features), wrong, 3, print)
    assert sorted(places) == flipped
    np.testing.assert_array_equal(suggested, labels[places])
    assert (np.diff(best - own) <= 0).all()
    assert (best - own > 0.5).all()


def test_parts_are_bounded_and_each_is_checked(monkeypatch):
    monkeypatch.setattr(doubtful_labels, '_PART', 100)
    monkeypatch.setattr(doubtful_labels, '_PER_CLASS', 1)
    features, labels = clusters()
    flipped = [3, 44, 90, 131, 222]
    labels[flipped] = (labels[flipped] + 1) % 3
    lines = []
    places, *_ = doubtful_labels.find(table_of(features), labels, 3, lines.append)
    assert sorted(places) == flipped
    assert len(lines) == 3
    assert '(part 3 of 3)' in lines[2]


def test_the_only_picture_of_a_class_is_not_doubted():
    features, labels = clusters(40, classes=2)
    labels[7] = 2
    places, *_ = doubtful_labels.find(table_of(features), labels, 4, print)
    assert len(places) == 0
