"""Training distorts pictures as the papers say, and the same example always the same way."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from preprocessing import (
    cifarnet_preprocessing,
    inception_preprocessing,
    preprocessing_factory,
    vgg_preprocessing,
)
from preprocessing.operations import randomness
from preprocessing.operations.randomness import Draw
from support import graphs
from support.files import records

PICTURE = records.picture(5, 90, 120)
SEEDS = np.array([[7, 0], [7, 1], [7, 0], [8, 0], [-7, 2**40]], np.int64)
RANDOM_RECIPES = ('cifarnet', 'inception', 'torch', 'vgg')
RANGES = {
    'cifarnet': (-60, 60),  # So many pixels that one may lie this far from the mean.
    'inception': (-1, 1),
    'lenet': (-1, 127 / 128),
    'torch': (-0.485 / 0.229, (1 - 0.406) / 0.225),
    'vgg': (-123.68, 255 - 103.94),
}


def _preprocess(name, seeds, size=48, image=PICTURE):
    preprocess = preprocessing_factory.get_preprocessing(name, is_training=True)
    return graphs.run_in_pipeline(lambda seed: preprocess(image, size, size, seed=seed), seeds)


@pytest.mark.parametrize('name', RANDOM_RECIPES)
def test_the_seed_and_the_counter_decide(name):
    first, second, again, other_seed, extreme = _preprocess(name, SEEDS)
    np.testing.assert_array_equal(first, again)
    for other in (second, other_seed, extreme):
        assert np.abs(first - other).mean() > 0.01 * first.std()
    preprocess = preprocessing_factory.get_preprocessing(name, is_training=True)
    alone = graphs.run(lambda x: preprocess(x, 48, 48, seed=(7, 0)), PICTURE)
    np.testing.assert_array_equal(alone, first)


@pytest.mark.parametrize('name', RANDOM_RECIPES)
def test_without_a_seed_every_call_differs(name):
    preprocess = preprocessing_factory.get_preprocessing(name, is_training=True)
    with tf.Graph().as_default(), tf.Session() as session:
        image = preprocess(tf.constant(PICTURE), 48, 48)
        first, second = session.run(image), session.run(image)
    assert image.shape == (48, 48, 3)
    assert np.abs(first - second).max() > 0


@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
def test_values_stay_in_range(name):
    low, high = RANGES[name]
    for image in _preprocess(name, np.array([[1, i] for i in range(20)])):
        assert image.shape == (48, 48, 3)
        assert image.min() >= low - 1e-4
        assert image.max() <= high + 1e-4


def test_lenet_has_nothing_at_random():
    first, *others = _preprocess('lenet', SEEDS)
    evaluate = preprocessing_factory.get_preprocessing('lenet')
    expected = graphs.run(lambda x: evaluate(x, 48, 48), PICTURE)
    for image in (first, *others):
        np.testing.assert_array_equal(image, expected)


def _windows(window, shape, count=400):
    def build(number):
        seed = tf.stack([tf.constant(3, tf.int64), number])
        return window(tf.constant(shape), seed, randomness.draw(seed))

    return np.array(graphs.run_in_pipeline(build, np.arange(count)))


@pytest.mark.parametrize(('name', 'least'), [('inception', 0.05), ('torch', 0.08)])
def test_windows_have_the_recipes_areas_and_aspects(name, least):
    recipe = preprocessing_factory.RECIPES[name]
    windows = _windows(
        lambda shape, seed, draws: recipe.window(shape, 299, 299, seed, draws), [300, 400, 3]
    )
    area = windows[:, 2] * windows[:, 3] / 120_000
    aspect = windows[:, 3] / windows[:, 2]
    assert 0.9 * least < area.min() < 1.6 * least
    assert 0.85 < area.max() <= 1.0
    assert 0.74 < aspect.min() < 0.77
    assert 1.30 < aspect.max() < 1.35
    assert (windows[:, 0] + windows[:, 2] <= 300).all()
    assert (windows[:, 1] + windows[:, 3] <= 400).all()


@pytest.mark.parametrize(
    ('size', 'shortest', 'longest'), [(224, 256, 512), (331, 378, 757), (100, 256, 512)]
)
def test_vgg_windows_have_the_papers_scales(size, shortest, longest):
    windows = _windows(
        lambda shape, seed, draws: vgg_preprocessing.RECIPE.window(shape, size, size, seed, draws),
        [500, 700, 3],
    )
    side = 500 * size / windows[:, 2]
    assert shortest * 0.98 < side.min() < shortest * 1.03
    assert longest * 0.96 < side.max() < longest * 1.03
    assert (windows[:, 2] == windows[:, 3]).all()
    free = 500 - windows[:, 2]
    assert (windows[:, 0] >= 0).all()
    assert (windows[:, 0] <= free).all()
    assert windows[:, 1].max() > 300
    assert (windows[:, 1] + windows[:, 3] <= 700).all()


def test_vgg_crops_like_scaling_first():
    draws = np.full(30, 0.3, np.float32)
    image = records.picture(9, 200, 260)

    def scaled_first(x):
        scaled = tf.image.resize_bilinear(tf.cast(x, tf.float32)[None], [332, 432])[0]
        window = scaled[int(0.3 * 108) :, int(0.3 * 208) :][:224, :224]
        return tf.reverse(window, [1]) - [123.68, 116.78, 103.94]

    expected = graphs.run(scaled_first, image)

    def ours(x):
        part = vgg_preprocessing.RECIPE.window(tf.shape(x), 224, 224, None, draws)
        x = tf.slice(x, tf.concat([part[:2], [0]], 0), tf.concat([part[2:], [3]], 0))
        return vgg_preprocessing.RECIPE.finish(
            vgg_preprocessing.RECIPE.fit(x, 224, 224, tf.constant(draws)), None
        )

    difference = np.abs(graphs.run(ours, image) - expected)
    # The window's edges are whole pixels; any other window differs by tens.
    assert difference.mean() < 2.5


def test_cifarnet_shifts_by_up_to_its_padding():
    image = np.zeros((32, 32, 3), np.uint8)
    image[16, 16] = 255
    places = set()
    for result in _preprocess('cifarnet', np.array([[2, i] for i in range(60)]), 32, image):
        row, column = np.unravel_index(result[..., 0].argmax(), (32, 32))
        places.add((row, column))
    rows, columns = zip(*places, strict=True)
    assert min(rows) >= 12
    assert max(rows) <= 20
    assert min(columns) >= 11
    assert max(columns) <= 20
    assert len(places) > 25


def test_cifarnet_pads_more_where_the_picture_is_too_small():
    image = records.picture(2, 10, 15)
    (result,) = _preprocess('cifarnet', SEEDS[:1], 32, image)
    assert result.shape == (32, 32, 3)


def test_half_of_the_pictures_are_mirrored():
    flips = [d[Draw.FLIP] < 0.5 for d in graphs.run_in_pipeline(_draw, np.arange(400))]
    assert 160 < sum(flips) < 240
    edge = np.zeros((40, 40, 3), np.uint8)
    edge[:, 20:] = 255
    for image, mirrored in zip(
        _preprocess('vgg', np.array([[4, i] for i in range(20)]), 32, edge), flips, strict=False
    ):
        if np.ptp(image[..., 0]) > 100:
            assert (image[0, 0, 0] > image[0, -1, 0]) == mirrored


def _draw(number):
    return randomness.draw(tf.stack([tf.constant(4, tf.int64), number]))


def test_an_example_s_numbers_are_uniform_and_independent():
    draws = np.array(graphs.run_in_pipeline(_draw, np.arange(2000)))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.abs(draws.mean(0) - 0.5).max() < 0.04
    assert np.abs(draws.std(0) - 12**-0.5).max() < 0.02
    correlations = np.corrcoef(np.concatenate([draws[1:], draws[:-1]], 1).T)
    assert np.abs(correlations - np.eye(len(correlations))).max() < 0.12


def test_numbers_of_many_examples_are_those_of_each():
    together = graphs.run(lambda first: randomness.draw_range(4, first, 9), np.int64(2**33))
    alone = graphs.run_in_pipeline(_draw, np.arange(9) + 2**33)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize('ordering', range(4))
@pytest.mark.parametrize('fast_mode', [True, False])
def test_colours_are_distorted_in_every_order(ordering, fast_mode):
    image = (PICTURE / 255).astype(np.float32)
    seeds = np.array([[1, i] for i in range(8)])
    results = graphs.run_in_pipeline(
        lambda seed: inception_preprocessing.distort_color(image, ordering, fast_mode, seed=seed),
        seeds,
    )
    means = [result.mean() for result in results]
    assert np.ptp(means) > 0.02
    assert min(result.min() for result in results) >= 0
    assert max(result.max() for result in results) <= 1


def test_an_order_that_does_not_exist_is_refused():
    with tf.Graph().as_default(), pytest.raises(ValueError, match=r'in \[0, 3\], not 4'):
        inception_preprocessing.distort_color(tf.zeros([4, 4, 3]), 4)


def test_slow_mode_draws_its_order():
    preprocess = preprocessing_factory.get_preprocessing('inception', is_training=True)

    def build(seed):
        return preprocess(PICTURE, 24, 24, fast_mode=False, seed=seed)

    results = graphs.run_in_pipeline(build, np.array([[1, i] for i in range(6)]))
    assert len({result.tobytes() for result in results}) == 6


def test_a_box_is_covered():
    box = np.array([[[0.4, 0.4, 0.6, 0.6]]], np.float32)
    results = graphs.run_in_pipeline(
        lambda seed: inception_preprocessing.distorted_bounding_box_crop(
            PICTURE, box, min_object_covered=1.0, area_range=(0.2, 0.5), seed=seed
        ),
        np.array([[1, i] for i in range(20)]),
    )
    for part, window in results:
        top, left, bottom, right = window[0, 0]
        assert top <= 0.4
        assert left <= 0.4
        assert bottom >= 0.6
        assert right >= 0.6
        assert part.shape == (round(90 * (bottom - top)), round(120 * (right - left)), 3)


def test_boxes_reach_the_recipe():
    preprocess = preprocessing_factory.get_preprocessing('inception', is_training=True)
    box = np.array([[[0.0, 0.0, 0.5, 0.5]]], np.float32)
    for options in ({'bbox': box}, {'crop_image': False}):
        image = graphs.run(lambda x, o=options: preprocess(x, 24, 24, **o), PICTURE)
        assert image.shape == (24, 24, 3)


@pytest.mark.parametrize(
    ('name', 'is_training', 'summaries'),
    [('inception', True, 3), ('cifarnet', True, 2), ('cifarnet', False, 2)],
)
def test_image_summaries_are_added_where_wanted(name, is_training, summaries):
    preprocess = preprocessing_factory.get_preprocessing(name, is_training=is_training)
    box = {'bbox': [[[0.0, 0.0, 1.0, 1.0]]]} if name == 'inception' else {}
    for wanted in (True, False):
        with tf.Graph().as_default(), tf.Session() as session:
            preprocess(tf.constant(PICTURE), 24, 24, add_image_summaries=wanted, **box)
            collected = tf.get_collection(tf.GraphKeys.SUMMARIES)
            assert len(collected) == (summaries if wanted else 0)
            session.run(collected)


def test_the_modules_own_functions_take_positional_arguments():
    image = tf.constant
    graphs.run(lambda x: vgg_preprocessing.preprocess_image(x, 32, 32, True, 40, 50, True), PICTURE)
    graphs.run(
        lambda x: cifarnet_preprocessing.preprocess_for_train(x, 32, 32, 4, False, True), PICTURE
    )
    result = graphs.run(
        lambda x: inception_preprocessing.preprocess_for_train(
            x, 32, 32, image([[[0.0, 0.0, 1.0, 1.0]]]), True, None, True, True, True
        ),
        PICTURE,
    )
    assert result.shape == (32, 32, 1)
