"""CIFAR-100: 60,000 pictures of 32x32 pixels in a hundred fine classes (Krizhevsky, 2009)."""

import functools

from common.download import Expected
from datasets.known import cifar
from datasets.known.cifar_pickles import Pickles
from datasets.known.published import PublishedFile
from datasets.records import split_reader

NUM_CLASSES = 100

_HOME = 'https://www.cs.toronto.edu/~kriz/'

_CLASS_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""

# Sizes and hashes: tensorflow-datasets 4.9 (url_checksums) and Keras 3 (keras.datasets.cifar100).
DATASET = cifar.CifarDataset(
    name='cifar100',
    class_names=tuple(_CLASS_NAMES.split()),
    archive=PublishedFile(
        'cifar-100-binary.tar.gz',
        (_HOME + 'cifar-100-binary.tar.gz',),
        Expected(168513733, '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec'),
    ),
    folder='cifar-100-binary',
    files={'train': ('train.bin',), 'test': ('test.bin',)},
    names_file='fine_label_names.txt',
    # The first byte is the coarse class.
    label_bytes=2,
    pickles=Pickles(
        archive=PublishedFile(
            'cifar-100-python.tar.gz',
            expected=Expected(
                sha256='85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7'
            ),
        ),
        folder='cifar-100-python',
        files={'train': ('train',), 'test': ('test',)},
        label_keys=(b'coarse_labels', b'fine_labels'),
        names_file='meta',
        names_key=b'fine_label_names',
    ),
)
SOURCES = DATASET.sources

get_split = functools.partial(split_reader.get_split, dataset_name='cifar100')
make_spec = functools.partial(cifar.make_spec, DATASET)
