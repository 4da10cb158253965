"""The files that other programs publish for the networks here, beside TF-Slim's own archives.

All were trained on ILSVRC-2012. Accuracies are those of their publishers, in percent on the
validation set with a single crop. timm: its results with this size and crop. Keras: its table of
applications. torchvision: its records of the weights.
"""

import dataclasses
import os

from common.download import Expected
from nets import released

ARCHIVE = 'archive'  # Not a program: TensorFlow's own archives.
TIMM = 'timm'
KERAS = 'keras'
TORCHVISION = 'torchvision'
# In the order in which they are tried where no archive can be downloaded.
PROGRAMS = (TIMM, KERAS, TORCHVISION)
_KERAS_URL = 'https://storage.googleapis.com/tensorflow/keras-applications/'
_TORCHVISION_URL = 'https://download.pytorch.org/models/'
# Where the weights come from.
_TF_SLIM = "TF-Slim's own weights"
_ADVERSARIAL = "TensorFlow's weights of adversarial training"
_TIMM = 'trained by timm'
_KERAS = 'as Keras publishes them'
_TORCHVISION = 'trained by torchvision'


@dataclasses.dataclass(frozen=True)
class Port:
    """A published file from which a network here can be made."""

    program: str  # One of PROGRAMS, or ARCHIVE.
    model: str  # What the program calls its network,
    weights: str  # and these weights of it; '' if it has only one kind.
    network: str  # Name in model_specs.
    image_size: int
    origin: str
    url: str
    file_name: str  # On a mirror.
    top_1: float | None = None
    top_5: float | None = None
    measured: str = ''  # How pictures were resized for the accuracies.
    expected: Expected | None = None
    classes: int = 1000
    member: str = ''  # Of an archive: the checkpoint in it.

    @property
    def title(self):
        """Return the name within the program, `inception_v4.tf_in1k` for example."""
        return '.'.join(filter(None, (self.model, self.weights)))

    @property
    def name(self):
        """Return the whole name, `timm/inception_v4.tf_in1k` for example."""
        return f'{self.program}/{self.title}'

    @property
    def folder(self):
        """Return the name of its folder among the downloads."""
        return self.title if self.program == ARCHIVE else self.name.replace('/', '_')

    @property
    def checkpoint(self):
        """Return the name of the checkpoint that it is converted to."""
        return f'{self.network}.ckpt'

    def difference(self):
        """Return how it differs from TF-Slim's archives, and how accurate it is."""
        background = 'with' if self.classes == 1001 else 'without'
        found = f'{self.origin}; {self.classes:,} classes, {background} a background class'
        if self.top_1:
            how = f' ({self.measured})' if self.measured else ''
            found += f'; top-1 {self.top_1:.1f} in {self.program}{how}'
        return found


def _timm(title, network, size, origin, top_1, top_5, crop, sha256=None, *, resized='bicubic'):
    model, weights = title.split('.')
    return Port(
        TIMM, model, weights, network, size, origin,
        f'https://huggingface.co/timm/{title}/resolve/main/model.safetensors',
        f'{title}.safetensors', top_1, top_5,
        f'{resized}, central {crop}%', Expected(sha256=sha256),
    )  # fmt: skip


def _keras(model, network, size, path, top_1=None, top_5=None, md5=None):
    return Port(
        KERAS, model, '', network, size, _KERAS, _KERAS_URL + path, os.path.basename(path),
        top_1, top_5, expected=Expected(md5=md5),
    )  # fmt: skip


def _torchvision(title, network, size, file_name, top_1, top_5, crop, *, origin=_TORCHVISION):
    model, weights = title.split('.')
    # The file's name ends with the beginning of its hash.
    sha256 = os.path.splitext(file_name)[0].rpartition('-')[2]
    return Port(
        TORCHVISION, model, weights, network, size, origin,
        _TORCHVISION_URL + file_name, file_name, top_1, top_5,
        f'bilinear, central {crop}%', Expected(sha256=sha256),
    )  # fmt: skip


def _keras_resnet(layers, md5, top_1, top_5):
    # The accuracies belong to 299 pixels; the network's usual size in Keras is 224.
    path = f'resnet/resnet{layers}v2_weights_tf_dim_ordering_tf_kernels.h5'
    return _keras(f'ResNet{layers}V2', f'resnet_v2b_{layers}', 299, path, top_1, top_5, md5)


# Width -> (width in a file's name, network, accuracies at 224 pixels).
_MOBILENETS = {
    '1.0': ('1_0', 'mobilenet_v1', 70.424, 89.504),
    '0.75': ('7_5', 'mobilenet_v1_075', 68.412, 88.242),
    '0.50': ('5_0', 'mobilenet_v1_050', 64.292, 85.624),
    '0.25': ('2_5', 'mobilenet_v1_025', 51.582, 75.792),
}
_MOBILENETS_V2 = {
    '1.0': ('mobilenet_v2', 71.336, 90.142),
    '1.4': ('mobilenet_v2_140', 75.230, 92.422),
    '0.35': ('mobilenet_v2_035', 60.086, 82.432),
}


def _keras_mobilenets():
    """Yield every width of MobileNet at every size."""
    for width, (written, network, *accuracies) in _MOBILENETS.items():
        for size in (224, 192, 160, 128):
            path = f'mobilenet/mobilenet_{written}_{size}_tf.h5'
            known = accuracies if size == 224 else ()
            yield _keras(f'MobileNet_{width}_{size}', network, size, path, *known)
    for width, (network, *accuracies) in _MOBILENETS_V2.items():
        for size in (224,) if width == '1.4' else (224, 192, 160, 128, 96):
            path = 'mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels'
            path = f'{path}_{width}_{size}.h5'
            known = accuracies if size == 224 else ()
            yield _keras(f'MobileNetV2_{width}_{size}', network, size, path, *known)


_PORTS = (
    _timm(
        'inception_v3.tf_in1k', 'inception_v3', 299, _TF_SLIM, 77.866, 93.644, 87.5,
    ),
    _timm(
        'inception_v3.tf_adv_in1k', 'inception_v3', 299, _ADVERSARIAL, 77.598, 93.726, 87.5,
    ),
    _timm(
        'inception_v4.tf_in1k', 'inception_v4', 299, _TF_SLIM, 80.144, 94.982, 87.5,
        'a756a086851c8d5a8de135ec15c76b90ea56cb5aef450e3299107e659e725bb1',
    ),
    _timm(
        'inception_resnet_v2.tf_in1k', 'inception_resnet_v2', 299, _TF_SLIM, 80.434, 95.312, 89.7,
        'dbea26b13a5fc8351919fed6a94222c0577ce324b2765fd081a798f837ca9d72',
    ),
    _timm(
        'inception_resnet_v2.tf_ens_adv_in1k', 'inception_resnet_v2', 299, _ADVERSARIAL,
        79.998, 94.940, 89.7,
    ),
    _timm('nasnetalarge.tf_in1k', 'nasnet_large', 331, _TF_SLIM, 82.638, 96.066, 91.1),
    _timm('pnasnet5large.tf_in1k', 'pnasnet_large', 331, _TF_SLIM, 82.814, 96.032, 91.1),
    _timm(
        'tf_mobilenetv3_large_100.in1k', 'mobilenet_v3_large', 224, _TF_SLIM,
        75.510, 92.600, 87.5, resized='bilinear',
    ),
    _timm(
        'tf_mobilenetv3_small_100.in1k', 'mobilenet_v3_small', 224, _TF_SLIM,
        67.922, 87.686, 87.5, resized='bilinear',
    ),
    _timm(
        'tf_mobilenetv3_large_minimal_100.in1k', 'mobilenet_v3_large_minimalistic', 224, _TF_SLIM,
        72.270, 90.664, 87.5, resized='bilinear',
    ),
    _timm(
        'tf_mobilenetv3_small_minimal_100.in1k', 'mobilenet_v3_small_minimalistic', 224, _TF_SLIM,
        62.892, 84.270, 87.5, resized='bilinear',
    ),
    _timm(
        'mobilenetv2_100.ra_in1k', 'mobilenet_v2b', 224, _TIMM, 72.910, 91.000, 87.5,
        '55ea4fb3a96010b933710ebf44fc965b070d5cd054d3f35e44f2d1320b4a714e',
    ),
    _timm('mobilenetv2_140.ra_in1k', 'mobilenet_v2b_140', 224, _TIMM, 76.528, 93.008, 87.5),
    _timm(
        'resnet50.a1_in1k', 'resnet_v1b_50', 224, _TIMM, 80.382, 94.598, 95,
        '773525d5821de224f8f30c33377b7a795d7863e08522698200d3217d3f2a41bb',
    ),
    _timm(
        'resnet101.a1_in1k', 'resnet_v1b_101', 224, _TIMM, 81.494, 95.164, 95,
        '1ba5b660e7c175b3c27c557fc7dc8b2815be830c516815b0155f61b403f27380',
    ),
    _timm('resnet152.a1_in1k', 'resnet_v1b_152', 224, _TIMM, 81.998, 95.294, 95),
    _timm(
        'vgg11.tv_in1k', 'vgg_a', 224, _TORCHVISION, 69.050, 88.630, 87.5,
        '682c023808812148d4e60c76d80ad83dbeaf5d50eb1a952a0b836895003151e5', resized='bilinear',
    ),
    _timm(
        'vgg16.tv_in1k', 'vgg_16', 224, _TORCHVISION, 71.594, 90.398, 87.5,
        '57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8', resized='bilinear',
    ),
    _timm(
        'vgg19.tv_in1k', 'vgg_19', 224, _TORCHVISION, 72.400, 90.878, 87.5,
        '11aea017b543ff59233749d8f1cf544cda749378f5790d2fedab841fb86b7669', resized='bilinear',
    ),
    _keras(
        'InceptionV3', 'inception_v3', 299,
        'inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5',
        77.898, 93.720, '9a0d58056eeedaa3f26cb7ebd46da564',
    ),
    _keras(
        'InceptionResNetV2', 'inception_resnet_v2', 299,
        'inception_resnet_v2/inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5',
        80.256, 95.252, 'e693bd0210a403b3192acc6073ad2e96',
    ),
    _keras(
        'NASNetMobile', 'nasnet_mobile', 224, 'nasnet/NASNet-mobile.h5',
        74.366, 91.854, '020fb642bf7360b370c678b08e0adf61',
    ),
    _keras(
        'NASNetLarge', 'nasnet_large', 331, 'nasnet/NASNet-large.h5',
        82.498, 96.004, '11577c9a518f0070763c2b964a382f17',
    ),
    _keras(
        'VGG16', 'vgg_16', 224, 'vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5',
        71.268, 90.050, '64373286793e3c8b2b4e3219cbf3544b',
    ),
    _keras(
        'VGG19', 'vgg_19', 224, 'vgg19/vgg19_weights_tf_dim_ordering_tf_kernels.h5',
        71.256, 89.988, 'cbe5617147190e668d6c5d5026f83318',
    ),
    _keras_resnet(50, '3ef43a0b657b3be2300d5770ece849e0', 75.960, 93.034),
    _keras_resnet(101, '6343647c601c52e1368623803854d971', 77.234, 93.816),
    _keras_resnet(152, 'a49b44d1979771252814e80f8ec446f9', 78.032, 94.162),
    *_keras_mobilenets(),
    _torchvision(
        'inception_v3.imagenet1k_v1', 'inception_v3b', 299, 'inception_v3_google-0cc3c7bd.pth',
        77.294, 93.450, 87.4, origin="TensorFlow's weights, changed for torchvision",
    ),
    _torchvision(
        'resnet50.imagenet1k_v2', 'resnet_v1b_50', 224, 'resnet50-11ad3fa6.pth',
        80.858, 95.434, 96.6,
    ),
    _torchvision(
        'resnet50.imagenet1k_v1', 'resnet_v1b_50', 224, 'resnet50-0676ba61.pth',
        76.130, 92.862, 87.5,
    ),
    _torchvision(
        'resnet101.imagenet1k_v2', 'resnet_v1b_101', 224, 'resnet101-cd907fc2.pth',
        81.886, 95.780, 96.6,
    ),
    _torchvision(
        'resnet101.imagenet1k_v1', 'resnet_v1b_101', 224, 'resnet101-63fe2227.pth',
        77.374, 93.546, 87.5,
    ),
    _torchvision(
        'resnet152.imagenet1k_v2', 'resnet_v1b_152', 224, 'resnet152-f82ba261.pth',
        82.284, 96.002, 96.6,
    ),
    _torchvision(
        'resnet152.imagenet1k_v1', 'resnet_v1b_152', 224, 'resnet152-394f9c45.pth',
        78.312, 94.046, 87.5,
    ),
    _torchvision(
        'mobilenet_v2.imagenet1k_v2', 'mobilenet_v2b', 224, 'mobilenet_v2-7ebf99e0.pth',
        72.154, 90.822, 96.6,
    ),
    _torchvision(
        'mobilenet_v2.imagenet1k_v1', 'mobilenet_v2b', 224, 'mobilenet_v2-b0353104.pth',
        71.878, 90.286, 87.5,
    ),
    _torchvision(
        'vgg11.imagenet1k_v1', 'vgg_a', 224, 'vgg11-8a719046.pth', 69.020, 88.628, 87.5,
    ),
    _torchvision(
        'vgg16.imagenet1k_v1', 'vgg_16', 224, 'vgg16-397923af.pth', 71.592, 90.382, 87.5,
    ),
    _torchvision(
        'vgg19.imagenet1k_v1', 'vgg_19', 224, 'vgg19-dcbb9e9d.pth', 72.376, 90.876, 87.5,
    ),
)  # fmt: skip

_OLDER_INCEPTION_V3 = Port(
    ARCHIVE, 'inception-v3-2016-03-01', '', 'inception_v3', 299,
    'the weights of the Inception package before TF-Slim',
    released.BASE_URL + 'image/imagenet/inception-v3-2016-03-01.tar.gz',
    'inception-v3-2016-03-01.tar.gz',
    classes=1001, member='model.ckpt-157585',
)  # fmt: skip

PORTS = {port.name: port for port in (_OLDER_INCEPTION_V3, *_PORTS)}


def find(name):
    """Return the Port that a name means, or None.

    It is a whole name, or one without program or weights: `inception_v4.tf_in1k`, `timm/resnet50`.
    Of several weights it is the first. Capital letters matter only where several ports would fit.
    """
    if name.endswith('.tar.gz'):  # An address, too.
        name = os.path.basename(name).removesuffix('.tar.gz')
    for fold in (str, str.lower):
        for fits in (_is_name, _begins_name):
            found = (port for port in PORTS.values() if fits(fold, port, fold(name)))
            if port := next(found, None):
                return port
    return None


def _is_name(fold, port, name):
    return name in (fold(port.name), fold(port.title))


def _begins_name(fold, port, name):
    short = name.removeprefix(f'{port.program}/')
    # Keras' networks of several widths and sizes: MobileNet_1.0_224.
    ends = ('.', '_') if port.program == KERAS else ('.',)
    return fold(port.title).startswith(tuple(short + end for end in ends))


def of_network(network, image_size):
    """List the first Port of each program for a network, in the order in which they are tried.

    If there are ports for this image size, only those count.
    """
    ports = [port for port in PORTS.values() if port.network == network]
    ports = [port for port in ports if port.image_size == image_size] or ports
    firsts = {port.program: port for port in reversed(ports)}
    return [firsts[program] for program in PROGRAMS if program in firsts]
