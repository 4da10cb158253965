"""What a name means among the published weights."""

import pytest

from common.errors import UserError
from nets import model_specs, released
from weights.layouts import registry
from weights.published import offers, ports
from weights.sources import KERAS, SLIM, TORCH


def names(name, source=''):
    return [offers.called(offer) for offer in offers.choose(name, source)]


ARCHIVE = 'archive inception_v3_2016_08_28.tar.gz'
SMALL = 'archive mobilenet_v1_0.25_128_2017_06_14.tar.gz'


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        # Networks: the archive, then one port of each program, of the same size if there is one.
        ('inception_v3', [ARCHIVE, 'timm/inception_v3.tf_in1k', 'keras/InceptionV3']),
        ('mobilenet_v1_025', [SMALL, 'keras/MobileNet_0.25_128']),
        ('vgg_a', ['timm/vgg11.tv_in1k', 'torchvision/vgg11.imagenet1k_v1']),
        ('inception_v1', ['archive inception_v1_2016_08_28.tar.gz']),
        # Archives and checkpoints.
        ('inception_v3_2016_08_28.tar.gz', [ARCHIVE]),
        ('mobilenet_v1_0.25_128', [SMALL, 'keras/MobileNet_0.25_128']),
        ('mobilenet_v1_0.25_128.ckpt', [SMALL, 'keras/MobileNet_0.25_128']),
        ('inception-v3-2016-03-01', ['archive/inception-v3-2016-03-01']),
        (
            'http://there/image/imagenet/inception-v3-2016-03-01.tar.gz',
            ['archive/inception-v3-2016-03-01'],
        ),
        # Ports, also without their program or weights.
        ('timm/inception_v4.tf_in1k', ['timm/inception_v4.tf_in1k']),
        ('inception_v4.tf_in1k', ['timm/inception_v4.tf_in1k']),
        ('keras/InceptionV3', ['keras/InceptionV3']),
        ('inceptionv3', ['keras/InceptionV3']),
        ('keras/MobileNet', ['keras/MobileNet_1.0_224']),
        ('vgg16', ['timm/vgg16.tv_in1k']),
        ('VGG16', ['keras/VGG16']),
        ('torchvision/vgg16', ['torchvision/vgg16.imagenet1k_v1']),
    ],
)
def test_a_name_means_offers_in_the_order_in_which_they_are_tried(name, expected):
    assert names(name) == expected


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('archive', [ARCHIVE]),
        ('timm', ['timm/inception_v3.tf_in1k']),
        ('keras', ['keras/InceptionV3']),
    ],
)
def test_a_source_is_one_of_them(source, expected):
    assert names('inception_v3', source) == expected


@pytest.mark.parametrize(
    ('name', 'source', 'words'),
    [
        (
            'inception_v3',
            'torchvision',
            f'--source=torchvision: has no weights of inception_v3; there are {ARCHIVE}, timm/ince',
        ),
        (
            'inception_v3',
            'kears',
            "--source=kears: unknown source 'kears'; known, nearest first: k",
        ),
        ('inceptoin_v4', '', "'inceptoin_v4'; known, nearest first: inception_v4, inception_v1"),
        ('timm/inception_v5.tf_in1k', '', 'known, nearest first: timm/inception_v'),
        ('lenet', '', 'lenet: no checkpoint of it was ever released; train it from random weights'),
    ],
)
def test_a_name_without_offers_is_answered_with_the_nearest(name, source, words):
    with pytest.raises(UserError) as error:
        offers.choose(name, source)
    assert words in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize('name', ['timm/resnet5O', 'keras/nothing', 'torchvision/'])
def test_a_name_that_begins_with_a_program_is_not_taken_for_a_file(name):
    message = f'--source={name}: no such file, and unknown network or checkpoint'
    with pytest.raises(UserError, match=message):
        offers.port_of(name)
    assert offers.port_of('weights/nothing') is None


def test_every_network_has_its_releases_first_and_one_port_of_a_program():
    for name in model_specs.MODELS:
        found = offers.find(name)
        sources = [offers.source_of(offer) for offer in found]
        assert len(set(sources)) == len(sources)
        assert sources == sorted(sources, key=offers.SOURCES.index)
        assert ('archive' in sources) == bool(released.by_network(name))
        assert all(offer.network == name for offer in found)


@pytest.mark.parametrize('port', ports.PORTS.values(), ids=ports.PORTS.keys())
def test_every_port_is_found_by_its_names_and_described(port):
    assert offers.find(port.name) == [port]
    assert offers.find(port.title) == [port]
    assert offers.find(port.name.lower()) == [port]
    assert port.url.startswith(('https://', released.BASE_URL))
    assert f'{port.classes:,} classes' in port.difference()
    assert (port.top_1 is None) == ('top-1' not in port.difference())
    hashes = port.expected or offers.ports.Expected()
    assert all(len(text) in (8, 32, 64) for text in (hashes.sha256, hashes.md5) if text)


def test_every_port_can_be_converted():
    kinds = {'timm': TORCH, 'torchvision': TORCH, 'keras': KERAS, 'archive': SLIM}
    layouts = registry.layouts()
    for port in ports.PORTS.values():
        fitting = [each for each in layouts if port.network in each.networks]
        assert kinds[port.program] in {layout.kind for layout in fitting}, port.name


def test_no_two_files_share_a_name_on_a_mirror_or_a_folder_on_disk():
    published = [*released.RELEASES.values(), *ports.PORTS.values()]
    for name in ('file_name', 'folder', 'url'):
        assert len({getattr(each, name) for each in published}) == len(published)
