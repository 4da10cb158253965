"""The checkpoints that TF-Slim's authors trained on ILSVRC-2012, with their image size and classes.

The key is the archive, not the network: two archives of a network may differ in image size or
preprocessing, and an archive may differ from the defaults of its network.
"""

import dataclasses
import os
import re

from common import checks, imagenet
from common.errors import UserError

BASE_URL = 'http://download.tensorflow.org/models/'
_STORAGE = 'https://storage.googleapis.com/'
_ENDINGS = ('.tar.gz', '.tgz')


@dataclasses.dataclass(frozen=True)
class Release:
    """An archive; accuracies are in percent on the validation set with a single crop."""

    archive: str  # File name under the base URL.
    network: str  # Name in model_specs.
    image_size: int
    preprocessing: str
    classes: int
    top_1: float | None = None
    top_5: float | None = None
    _: dataclasses.KW_ONLY
    base_url: str = BASE_URL
    # The end of the checkpoint's path in the archive, if that is not `checkpoint`; '*' is any name.
    packed_as: str = ''
    # Of the moving averages in the checkpoint, with which the accuracy was measured.
    moving_average_decay: float | None = None

    @property
    def url(self):
        """Return the URL of the archive."""
        return self.base_url + self.archive

    @property
    def name(self):
        """Return the archive's name without its date, `mobilenet_v1_0.50_160` for example."""
        return re.sub(r'_(\d{4}_\d\d_\d\d|\d\d_\d\d_\d{4})$', '', _stem(self.archive))

    @property
    def file_name(self):
        """Return the archive's name on a mirror."""
        return self.archive

    @property
    def folder(self):
        """Return the name of its folder among the downloads."""
        return self.name

    @property
    def checkpoint(self):
        """Return the name of the checkpoint in the archive, as passed to programs."""
        return f'{self.name}.ckpt'

    @property
    def labels_offset(self):
        """Return the label of output 0; with 1001 classes it is the background class."""
        return imagenet.labels_offset(self.classes)


def _stem(archive):
    """Return the name of an archive without its ending."""
    ending = next((ending for ending in _ENDINGS if archive.endswith(ending)), '')
    return archive.removesuffix(ending)


_MOBILENET_NETWORKS = {
    '1.0': 'mobilenet_v1',
    '0.75': 'mobilenet_v1_075',
    '0.50': 'mobilenet_v1_050',
    '0.25': 'mobilenet_v1_025',
}
_MOBILENET_ACCURACIES = {
    ('1.0', 224): (70.7, 89.5),
    ('0.50', 160): (59.9, 82.5),
    ('0.25', 128): (41.3, 66.2),
}
_MOBILENET_V2_ACCURACIES = {
    ('1.0', 224): (71.8, 91.0),
    ('1.0', 192): (70.7, 90.1),
    ('1.0', 160): (68.8, 89.0),
    ('1.0', 128): (65.3, 86.9),
    ('1.0', 96): (60.3, 83.2),
    ('1.4', 224): (75.0, 92.5),
    ('0.35', 224): (60.3, 82.9),
    ('0.35', 192): (58.2, 81.2),
    ('0.35', 160): (55.7, 79.1),
    ('0.35', 128): (50.8, 75.0),
    ('0.35', 96): (45.5, 70.4),
}
_MOBILENET_V2_NETWORKS = {
    '1.0': 'mobilenet_v2',
    '1.4': 'mobilenet_v2_140',
    '0.35': 'mobilenet_v2_035',
}

# Archive -> network, its top-1 accuracy, and where its archive has the averaged weights.
_MOBILENET_V3 = {
    'v3-large_224_1.0_float': ('mobilenet_v3_large', 75.2, 'ema/model-540000'),
    'v3-small_224_1.0_float': ('mobilenet_v3_small', 67.5, 'ema/model-388500'),
    'v3-large-minimalistic_224_1.0_float': (
        'mobilenet_v3_large_minimalistic', 72.3, 'ema/model-342500',
    ),
    'v3-small-minimalistic_224_1.0_float': (
        'mobilenet_v3_small_minimalistic', 61.9, 'ema/model-498000',
    ),
}  # fmt: skip

_RELEASES = (
    Release('inception_v1_2016_08_28.tar.gz', 'inception_v1', 224, 'inception', 1001, 69.8, 89.6),
    Release('inception_v2_2016_08_28.tar.gz', 'inception_v2', 224, 'inception', 1001, 73.9, 91.8),
    Release('inception_v3_2016_08_28.tar.gz', 'inception_v3', 299, 'inception', 1001, 78.0, 93.9),
    Release('inception_v4_2016_09_09.tar.gz', 'inception_v4', 299, 'inception', 1001, 80.2, 95.2),
    Release(
        'inception_resnet_v2_2016_08_30.tar.gz',
        'inception_resnet_v2', 299, 'inception', 1001, 80.4, 95.3,
    ),
    Release('resnet_v1_50_2016_08_28.tar.gz', 'resnet_v1_50', 224, 'vgg', 1000, 75.2, 92.2),
    Release('resnet_v1_101_2016_08_28.tar.gz', 'resnet_v1_101', 224, 'vgg', 1000, 76.4, 92.9),
    Release('resnet_v1_152_2016_08_28.tar.gz', 'resnet_v1_152', 224, 'vgg', 1000, 76.8, 93.2),
    Release('resnet_v2_50_2017_04_14.tar.gz', 'resnet_v2_50', 299, 'inception', 1001, 75.6, 92.8),
    Release('resnet_v2_101_2017_04_14.tar.gz', 'resnet_v2_101', 299, 'inception', 1001, 77.0, 93.7),
    Release('resnet_v2_152_2017_04_14.tar.gz', 'resnet_v2_152', 299, 'inception', 1001, 77.8, 94.1),
    Release('vgg_16_2016_08_28.tar.gz', 'vgg_16', 224, 'vgg', 1000, 71.5, 89.8),
    Release('vgg_19_2016_08_28.tar.gz', 'vgg_19', 224, 'vgg', 1000, 71.1, 89.8),
    *(
        Release(
            f'mobilenet_v1_{width}_{side}_2017_06_14.tar.gz',
            network, side, 'inception', 1001, *_MOBILENET_ACCURACIES.get((width, side), ()),
        )
        for width, network in _MOBILENET_NETWORKS.items()
        for side in (224, 192, 160, 128)
    ),
    *(
        Release(
            f'mobilenet_v2_{width}_{side}.tgz',
            _MOBILENET_V2_NETWORKS[width], side, 'inception', 1001, *accuracies,
            base_url=f'{_STORAGE}mobilenet_v2/checkpoints/', moving_average_decay=0.9999,
        )
        for (width, side), accuracies in _MOBILENET_V2_ACCURACIES.items()
    ),
    *(
        Release(
            f'{name}.tgz', network, 224, 'inception', 1001, top_1,
            base_url=f'{_STORAGE}mobilenet_v3/checkpoints/', packed_as=packed_as,
        )
        for name, (network, top_1, packed_as) in _MOBILENET_V3.items()
    ),
    # Published accuracies are those of the 8-bit forms: 75.6 and 73.5.
    *(
        Release(
            f'mobilenet_edgetpu_224_{width}.tgz', network, 224, 'inception', 1001,
            base_url=f'{_STORAGE}mobilenet_edgetpu/checkpoints/', packed_as='*',
        )
        for width, network in (('1.0', 'mobilenet_edgetpu'), ('0.75', 'mobilenet_edgetpu_075'))
    ),
    *(
        Release(
            f'{name}.tar.gz', network, side, 'inception', 1001, *accuracies,
            base_url=f'{_STORAGE}download.tensorflow.org/models/', packed_as='model.ckpt',
        )
        for name, network, side, *accuracies in (
            ('nasnet-a_mobile_04_10_2017', 'nasnet_mobile', 224, 74.0, 91.6),
            ('nasnet-a_large_04_10_2017', 'nasnet_large', 331, 82.7, 96.2),
            ('pnasnet-5_mobile_2017_12_13', 'pnasnet_mobile', 224, 74.2, 91.9),
            ('pnasnet-5_large_2017_12_13', 'pnasnet_large', 331, 82.9, 96.2),
        )
    ),
)  # fmt: skip

RELEASES = {release.archive: release for release in _RELEASES}

# Its variables have the names of the older Inception package.
_OLDER_INCEPTION_V3 = ('inception-v3-2016-03-01.tar.gz', 'model.ckpt-157585')


def by_archive(name):
    """Return the Release of an archive, given its file name or URL, with or without its ending."""
    stem = _stem(os.path.basename(name))
    if stem == _stem(_OLDER_INCEPTION_V3[0]):
        raise UserError(
            f'{name}: has the variable names of the older Inception package; unpack it, and '
            f'pass its {_OLDER_INCEPTION_V3[1]} to import_weights.py'
        )
    archives = {_stem(archive): archive for archive in RELEASES}
    return checks.lookup('archive', archives.get(stem, f'{stem}.tar.gz'), RELEASES)


def by_network(name):
    """List the Releases of a network; a network without any gives an empty list."""
    return [release for release in RELEASES.values() if release.network == name]


def by_checkpoint(path):
    """Return the Release of a checkpoint according to its file name, or None.

    Accepts any file of a checkpoint, with or without a date: `resnet_v2_50.ckpt`,
    `vgg_16_2016_08_28.ckpt`, `mobilenet_v1_1.0_224.ckpt.index`; also in an unpacked archive.
    """
    prefix = re.sub(r'\.(index|meta|data-\d+-of-\d+)$', '', os.fspath(path))
    name = os.path.basename(prefix)
    for release in RELEASES.values():
        if name in (release.checkpoint, f'{_stem(release.archive)}.ckpt'):
            return release
        for folder in (release.name, _stem(release.archive)):
            unpacked = os.path.join(os.sep, folder, release.packed_as)
            if release.packed_as and '*' not in unpacked and (os.sep + prefix).endswith(unpacked):
                return release
    return None
