import pytest

from common.errors import UserError
from nets import nets_factory, released


def test_all_archives_are_there():
    assert len(released.RELEASES) == 13 + 16 + 11 + 6 + 4
    networks = {release.network for release in released.RELEASES.values()}
    assert networks <= nets_factory.networks_map.keys()
    assert len(networks) == 13 + 4 + 3 + 6 + 4


def test_resnet_v2_was_not_trained_with_its_defaults():
    release = released.by_archive('resnet_v2_50_2017_04_14.tar.gz')
    assert (release.image_size, release.preprocessing) == (299, 'inception')
    spec = nets_factory.get_spec(release.network)
    assert (spec.image_size, spec.preprocessing) == (224, 'vgg')


@pytest.mark.parametrize(
    ('name', 'classes', 'labels_offset', 'top_1', 'top_5'),
    [
        ('inception_v4_2016_09_09', 1001, 0, 80.2, 95.2),
        ('resnet_v1_101_2016_08_28.tar.gz', 1000, 1, 76.4, 92.9),
        (released.BASE_URL + 'vgg_16_2016_08_28.tar.gz', 1000, 1, 71.5, 89.8),
        ('mobilenet_v1_0.25_128_2017_06_14.tar.gz', 1001, 0, 41.3, 66.2),
        ('mobilenet_v1_0.75_192_2017_06_14.tar.gz', 1001, 0, None, None),
    ],
)
def test_archives_are_found_by_name_or_address(name, classes, labels_offset, top_1, top_5):
    release = released.by_archive(name)
    assert (release.classes, release.labels_offset) == (classes, labels_offset)
    assert (release.top_1, release.top_5) == (top_1, top_5)
    assert release.url == f'http://download.tensorflow.org/models/{release.archive}'


@pytest.mark.parametrize('name', ['mobilenet_v2_1.4_224', 'mobilenet_v2_1.4_224.tgz'])
def test_archives_may_have_another_address_and_ending(name):
    release = released.by_archive(name)
    assert release.url == (
        'https://storage.googleapis.com/mobilenet_v2/checkpoints/mobilenet_v2_1.4_224.tgz'
    )
    assert (release.network, release.top_1, release.top_5) == ('mobilenet_v2_140', 75.0, 92.5)
    assert (release.name, release.checkpoint) == (
        'mobilenet_v2_1.4_224',
        'mobilenet_v2_1.4_224.ckpt',
    )


@pytest.mark.parametrize(
    ('network', 'name', 'image_size'),
    [
        ('nasnet_mobile', 'nasnet-a_mobile', 224),
        ('nasnet_large', 'nasnet-a_large', 331),
        ('pnasnet_mobile', 'pnasnet-5_mobile', 224),
        ('pnasnet_large', 'pnasnet-5_large', 331),
    ],
)
def test_archives_of_networks_of_cells(network, name, image_size):
    (release,) = released.by_network(network)
    assert (release.name, release.image_size) == (name, image_size)
    assert release.packed_as == 'model.ckpt'
    assert (release.labels_offset, release.preprocessing) == (0, 'inception')


def test_networks_have_as_many_releases_as_they_have():
    assert [release.image_size for release in released.by_network('mobilenet_v1_050')] == [
        224,
        192,
        160,
        128,
    ]
    assert [release.archive for release in released.by_network('inception_resnet_v2')] == [
        'inception_resnet_v2_2016_08_30.tar.gz'
    ]
    assert released.by_network('resnet_v2_200') == []


@pytest.mark.parametrize(
    ('path', 'archive'),
    [
        ('/tmp/checkpoints/inception_v3.ckpt', 'inception_v3_2016_08_28.tar.gz'),
        ('resnet_v2_50.ckpt', 'resnet_v2_50_2017_04_14.tar.gz'),
        ('mobilenet_v1_0.50_160.ckpt', 'mobilenet_v1_0.50_160_2017_06_14.tar.gz'),
        (
            'a/mobilenet_v1_1.0_224.ckpt.data-00000-of-00001',
            'mobilenet_v1_1.0_224_2017_06_14.tar.gz',
        ),
        ('mobilenet_v1_1.0_224.ckpt.index', 'mobilenet_v1_1.0_224_2017_06_14.tar.gz'),
        ('mobilenet_v2_0.35_96.ckpt.index', 'mobilenet_v2_0.35_96.tgz'),
        ('v3-large_224_1.0_float.ckpt', 'v3-large_224_1.0_float.tgz'),
        ('/a/v3-large_224_1.0_float/ema/model-540000.index', 'v3-large_224_1.0_float.tgz'),
        ('v3-small_224_1.0_float/ema/model-388500', 'v3-small_224_1.0_float.tgz'),
        ('inception_resnet_v2_2016_08_30.ckpt', 'inception_resnet_v2_2016_08_30.tar.gz'),
        ('nasnet-a_large.ckpt.index', 'nasnet-a_large_04_10_2017.tar.gz'),
        ('a/nasnet-a_mobile_04_10_2017/model.ckpt', 'nasnet-a_mobile_04_10_2017.tar.gz'),
        ('pnasnet-5_large/model.ckpt.index', 'pnasnet-5_large_2017_12_13.tar.gz'),
    ],
)
def test_checkpoints_are_known_by_their_file_name(path, archive):
    assert released.by_checkpoint(path).archive == archive


@pytest.mark.parametrize(
    'path',
    ['model.ckpt-1000', 'inception_v3.pb', 'my_inception_v3.ckpt', 'my/ema/model-540000', ''],
)
def test_other_checkpoints_belong_to_no_release(path):
    assert released.by_checkpoint(path) is None


def test_unknown_archive_lists_the_known():
    with pytest.raises(UserError, match=r'nearest first: inception_v3_2016_08_28\.tar\.gz, '):
        released.by_archive('inception_v3_2016_08_29.tar.gz')


def test_archive_of_the_older_package_is_explained():
    with pytest.raises(UserError, match=r'older Inception package.*model\.ckpt-157585 to import_w'):
        released.by_archive('image/imagenet/inception-v3-2016-03-01.tar.gz')
