"""What a classifier is: flags before model.json before the tables of the networks."""

import numpy as np
import pytest

from classifiers.model_info import ModelInfo
from classifiers.model_request import ModelRequest, StoredModel
from classifiers.resolve import resolve
from common.errors import UserError
from support.files import checkpoint_files

FLOWERS = {0: 'daisy', 1: 'roses', 2: 'tulips'}
STORED = ModelInfo(
    model_name='mobilenet_v1_025',
    num_classes=3,
    class_names=tuple(FLOWERS.values()),
    image_size=128,
    channels=3,
    preprocessing_name='inception',
    moving_average_decay=0.99,
    dataset_name='flowers',
)


def resolved(stored=None, path='model.json', checkpoint=None, **given):
    others = {
        name: given.pop(name)
        for name in ('warm_start', 'dataset_classes', 'dataset_labels')
        if name in given
    }
    return resolve(ModelRequest(**given), StoredModel(stored, path, checkpoint), **others)


def info(stored=None, **given):
    return resolved(stored, **given)[0]


def line(word, stored=None, **given):
    return next(text for text in resolved(stored, **given)[1] if word in text)


def test_nothing_given_is_the_programs_default():
    found = info(dataset_classes=1001)
    assert (found.model_name, found.num_classes, found.image_size) == ('inception_v3', 1001, 299)
    assert found.moving_average_decay is None


def test_a_new_model_is_described_by_flags_data_set_and_table():
    found = info(
        model_name='vgg_16',
        dataset_name='flowers',
        dataset_classes=3,
        dataset_labels=FLOWERS,
        labels_offset=1,
        image_size=64,
        moving_average_decay=0.9,
    )
    assert found.class_names == ('roses', 'tulips')
    assert (found.num_classes, found.labels_offset, found.image_size) == (2, 1, 64)
    assert (found.preprocessing_name, found.moving_average_decay) == ('vgg', 0.9)
    assert found.dataset_name == 'flowers'


def test_channels_come_from_the_flag_and_from_the_network():
    assert info(model_name='lenet', dataset_classes=10).channels == 1
    assert info(model_name='cifarnet', dataset_classes=10).channels == 3
    assert info(model_name='cifarnet', dataset_classes=10, use_grayscale=True).channels == 1


def test_the_flag_that_a_network_for_grey_was_trained_with_resumes_it():
    trained = info(model_name='lenet', dataset_classes=3, use_grayscale=False)
    assert trained.channels == 1
    assert info(trained, use_grayscale=False) == info(trained, use_grayscale=True) == trained
    with pytest.raises(UserError, match='--nouse_grayscale contradicts'):
        info(trained.replace(model_name='cifarnet'), use_grayscale=False)


def test_model_json_alone_is_enough():
    assert info(STORED) == STORED
    assert info(STORED, dataset_classes=3, dataset_labels=FLOWERS) == STORED


@pytest.mark.parametrize(
    ('flags', 'both'),
    [
        ({'model_name': 'vgg_16'}, ['--model_name=vgg_16', 'mobilenet_v1_025']),
        ({'labels_offset': 1}, ['--labels_offset=1', 'is 0']),
        ({'use_grayscale': True}, ['--use_grayscale', 'is 3']),
        ({'dataset_classes': 5}, ['5 classes', 'says 3', '--dataset_name']),
        (
            {'dataset_classes': 3, 'dataset_labels': {0: 'daisy', 1: 'tulips', 2: 'roses'}},
            ["'tulips'", "'roses'", '--dataset_dir'],
        ),
    ],
)
def test_a_contradicted_identity_names_both_values(flags, both):
    with pytest.raises(UserError) as error:
        resolved(STORED, '/train/model.json', **flags)
    for words in [*both, '/train/model.json']:
        assert words in str(error.value)


def test_presentation_follows_the_flag_and_says_so():
    flags = {'image_size': 160, 'preprocessing_name': 'vgg', 'dataset_name': 'my_flowers'}
    found = info(STORED, **flags)
    assert (found.image_size, found.preprocessing_name) == (160, 'vgg')
    assert found.dataset_name == 'my_flowers'
    assert line('image size', STORED, **flags) == (
        'Using image size 160 (as requested; 128 from model.json)'
    )
    assert line('image size', STORED) == 'Using image size 128 (from model.json)'


def test_moving_averages_travel_unless_told_otherwise():
    assert info(STORED).moving_average_decay == 0.99
    assert '0.99' in line('moving averages', STORED)
    assert info(STORED, use_moving_averages=False).moving_average_decay is None
    assert 'Not using' in line('moving averages', STORED, use_moving_averages=False)
    assert info(STORED, moving_average_decay=0.5).moving_average_decay == 0.5
    assert 'as requested' in line('moving average', STORED, moving_average_decay=0.5)


def test_a_released_checkpoint_brings_its_own_settings():
    found = info(checkpoint='/a/resnet_v2_50.ckpt', dataset_classes=1001)
    assert (found.model_name, found.image_size) == ('resnet_v2_50', 299)
    assert found.preprocessing_name == 'inception'
    found = info(checkpoint='/a/vgg_16.ckpt', model_name='vgg_16', dataset_classes=1001)
    assert (found.labels_offset, found.num_classes) == (1, 1000)
    assert 'vgg_16_2016_08_28' in line('offset', checkpoint='/a/vgg_16.ckpt', dataset_classes=1001)
    found = info(checkpoint='/a/mobilenet_v1_0.50_160.ckpt', dataset_classes=1001)
    assert (found.model_name, found.image_size) == ('mobilenet_v1_050', 160)


def test_a_released_name_says_nothing_about_other_classes():
    found = info(checkpoint='/a/vgg_16.ckpt', model_name='vgg_16', dataset_classes=5)
    assert (found.labels_offset, found.num_classes) == (0, 5)


def test_what_training_begins_with_lends_its_presentation_alone():
    start = STORED.replace(image_size=96, preprocessing_name='vgg')
    warm_start = StoredModel(start, checkpoint='/phase1')
    options = {'warm_start': warm_start, 'dataset_classes': 7}
    found = info(model_name='mobilenet_v1_025', **options)
    assert (found.image_size, found.preprocessing_name, found.num_classes) == (96, 'vgg', 7)
    assert found.moving_average_decay is None
    assert info(model_name='vgg_16', **options).image_size == 224
    found = info(
        model_name='resnet_v2_50',
        warm_start=StoredModel(checkpoint='/a/resnet_v2_50.ckpt'),
        dataset_classes=5,
    )
    assert (found.image_size, found.labels_offset) == (299, 0)


def test_the_network_is_that_of_the_weights_that_training_starts_from_unless_another_is_named():
    options = {'warm_start': StoredModel(STORED, checkpoint='/phase1'), 'dataset_classes': 7}
    found = info(**options)
    assert (found.model_name, found.num_classes) == (STORED.model_name, 7)
    assert info(model_name='vgg_16', **options).model_name == 'vgg_16'


def test_without_a_data_set_the_checkpoint_counts_its_classes(tmp_path):
    values = {'LeNet/fc4/weights': np.zeros((1024, 7)), 'LeNet/fc4/biases': np.zeros(7)}
    path = checkpoint_files.write(tmp_path, values, name='my.ckpt')
    assert info(checkpoint=path, model_name='lenet').num_classes == 7
    with pytest.raises(UserError, match='name a data set'):
        info(checkpoint=path, model_name='vgg_16')
    with pytest.raises(UserError, match='name a data set'):
        info(model_name='lenet')


def test_a_checkpoint_that_nothing_describes_asks_for_its_network(tmp_path):
    values = {'LeNet/fc4/biases': np.zeros(7)}
    path = checkpoint_files.write(tmp_path, values, name='my.ckpt')
    with pytest.raises(UserError) as error:
        info(checkpoint=path)
    assert str(error.value) == (
        f'{tmp_path}: no model.json beside the checkpoint: name the network with --model_name'
    )
    values = {'InceptionV3/Logits/Conv2d_1c_1x1/biases': np.zeros(7)}
    path = checkpoint_files.write(tmp_path, values, name='default.ckpt')
    assert info(checkpoint=path).num_classes == 7
    values = {'vgg_16/fc8/biases': np.zeros(1000)}
    path = checkpoint_files.write(tmp_path, values, name='vgg_16.ckpt')
    assert info(checkpoint=path).model_name == 'vgg_16'


def test_an_unknown_network_lists_the_known():
    words = "^--model_name=inceptoin_v3: unknown network 'inceptoin_v3'; known, .*: inception_v3, "
    for stored in (None, STORED):
        with pytest.raises(UserError, match=words):
            info(stored, model_name='inceptoin_v3', dataset_classes=2)


def test_an_unknown_preprocessing_lists_the_known():
    words = "^--preprocessing_name=vg: unknown preprocessing 'vg'; known, nearest first: vgg, "
    with pytest.raises(UserError, match=words):
        info(STORED, preprocessing_name='vg')
    assert info(STORED, preprocessing_name='vgg_16').preprocessing_name == 'vgg_16'
