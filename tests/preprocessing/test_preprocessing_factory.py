"""Every network has a preprocessing, and pipelines get the pixels that direct calls get."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from nets import nets_factory
from preprocessing import preprocessing_factory
from preprocessing.operations import randomness
from support import graphs
from support.files import records

PICTURE = records.picture(5, 90, 120)
JPEG = records.encoded(PICTURE, quality=95)
PNG = records.encoded(PICTURE, 'png')
SEEDS = np.array([[7, i] for i in range(6)], np.int64)


@pytest.mark.parametrize('network', nets_factory.networks_map)
def test_every_network_maps_to_a_recipe(network):
    assert nets_factory.get_spec(network).preprocessing in preprocessing_factory.RECIPES
    assert preprocessing_factory.get_preprocessing(network).channels == 3


def test_a_network_s_name_gives_its_recipe():
    named = preprocessing_factory.get_preprocessing('resnet_v1_50', height=32, width=32)
    recipe = preprocessing_factory.get_preprocessing('vgg', height=32, width=32)
    np.testing.assert_array_equal(graphs.run(named, PICTURE), graphs.run(recipe, PICTURE))


def test_unknown_names_are_answered_with_the_known():
    with pytest.raises(UserError, match=r"preprocessing 'incepton'.*nearest first: inception"):
        preprocessing_factory.get_preprocessing('incepton')
    with pytest.raises(UserError, match=r"augmentation 'slimm'.*nearest first: slim"):
        preprocessing_factory.get_preprocessing('vgg', augmentation='slimm')


def test_the_size_may_be_given_either_way():
    preprocess = preprocessing_factory.get_preprocessing('vgg', height=20, width=24)
    assert graphs.run(preprocess, PICTURE).shape == (20, 24, 3)
    assert graphs.run(lambda x: preprocess(x, 30, 32), PICTURE).shape == (30, 32, 3)
    with pytest.raises(UserError, match='needs the height and the width'):
        graphs.run(preprocessing_factory.get_preprocessing('vgg'), PICTURE)


def test_bytes_are_evaluated_as_their_pixels():
    preprocess = preprocessing_factory.get_preprocessing('inception', height=48, width=48)
    pixels = graphs.run(tf.io.decode_jpeg, JPEG)
    np.testing.assert_array_equal(
        graphs.run(preprocess.from_bytes, JPEG), graphs.run(preprocess, pixels)
    )


def _in_steps(preprocess, encoded, seeds=SEEDS):
    def build(seeds):
        draws = tf.map_fn(randomness.draw, seeds, fn_output_signature=tf.float32)
        pictures = tf.map_fn(
            lambda example: preprocess.start(encoded, *example),
            (seeds, draws),
            fn_output_signature=tf.uint8 if preprocess.is_random else tf.float32,
        )
        return preprocess.finish(pictures, draws)

    return graphs.run(build, seeds)


@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
@pytest.mark.parametrize('encoded', [JPEG, PNG], ids=['jpeg', 'png'])
@pytest.mark.parametrize('grey', [False, True], ids=['colour', 'grey'])
def test_the_steps_of_a_pipeline_give_what_one_call_gives(name, encoded, grey):
    preprocess = preprocessing_factory.get_preprocessing(
        name, True, use_grayscale=grey, height=32, width=32
    )
    in_steps = _in_steps(preprocess, encoded)
    pixels = graphs.run(tf.io.decode_image, encoded)
    at_once = graphs.run_in_pipeline(lambda seed: preprocess(pixels, 32, 32, seed=seed), SEEDS)
    span = np.ptp(np.array(at_once))
    # Between the steps pictures are held in bytes.
    np.testing.assert_allclose(in_steps, at_once, atol=(0.02 if grey else 0.008) * span)


@pytest.mark.parametrize('name', preprocessing_factory.RECIPES)
def test_no_augmentation_is_evaluation(name):
    train = preprocessing_factory.get_preprocessing(
        name, True, height=32, width=32, augmentation='none'
    )
    evaluate = preprocessing_factory.get_preprocessing(name, height=32, width=32)
    expected = graphs.run(evaluate.from_bytes, JPEG)
    for image in _in_steps(train, JPEG, SEEDS[:2]):
        np.testing.assert_array_equal(image, expected)
