"""From a converted directory to a `slim.dataset.Dataset`, by every name."""

import inspect

import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from datasets import cifar10, dataset_factory, sources
from datasets.conversion.convert import ConvertOptions
from datasets.known import cifar100
from support.files import published_files
from support.files.picture_folders import class_folders


@pytest.fixture(scope='module')
def directory(tmp_path_factory):
    """Convert one data set of each kind into one directory."""
    root = tmp_path_factory.mktemp('data')
    published_files.flower_archive(root, 4)
    for module in (cifar10, cifar100):
        published_files.cifar_binary(root / module.DATASET.archive.name, module.DATASET)
    for name in ('mnist', 'fashion_mnist'):
        published_files.idx_files(root / name)
    class_folders(root / '101_ObjectCategories', {'ant': 3, 'crab': 3})
    class_folders(root / 'train', {'n01440764': 2, 'n03126707': 2})
    class_folders(root / 'val', {'n01440764': 1}, first_seed=50)
    class_folders(root / 'my_flower_5', {'daisy': 5, 'roses': 5})
    for name in EXPECTED:
        request = sources.Request(
            dataset_name=name, dataset_dir=str(root), options=ConvertOptions(num_processes=1)
        )
        sources.run(request, lambda line: None)
    return str(root)


# Name: split, examples, classes, name of class 1.
EXPECTED = {
    'flowers': ('validation', 5, 5, 'dandelion'),
    'cifar10': ('test', 3, 10, 'automobile'),
    'cifar100': ('train', 3, 100, 'aquarium_fish'),
    'mnist': ('train', 12, 10, 'one'),
    'fashion_mnist': ('test', 5, 10, 'Trouser'),
    'caltech101': ('train', 4, 2, 'crab'),
    'imagenet': ('train', 4, 1001, 'tench, Tinca tinca'),
    'my_flower_5': ('train', 8, 2, 'roses'),
}


@pytest.mark.parametrize('name', EXPECTED)
def test_sizes_and_names_come_from_the_manifest(directory, name):
    split, examples, classes, second = EXPECTED[name]
    dataset = dataset_factory.get_dataset(name, split, directory)
    assert isinstance(dataset, slim.dataset.Dataset)
    assert dataset.num_samples == examples
    assert dataset.num_classes == classes
    assert dataset.labels_to_names[1] == second
    assert len(dataset.labels_to_names) == classes


@pytest.mark.parametrize(('name', 'channels'), [('flowers', 3), ('mnist', 1), ('imagenet', 3)])
def test_slims_data_provider_reads_it(directory, name, channels):
    with tf.Graph().as_default(), tf.Session() as session:
        dataset = dataset_factory.get_dataset(name, 'train', directory)
        provider = slim.dataset_data_provider.DatasetDataProvider(dataset, shuffle=False)
        image, label = provider.get(['image', 'label'])
        with slim.queues.QueueRunners(session):
            pixels, number = session.run([image, label])
    assert pixels.ndim == 3
    assert pixels.shape[2] == channels
    assert number in dataset.labels_to_names


def test_an_unknown_split_lists_those_present(directory):
    with pytest.raises(UserError, match=r"no split 'validation'; it has test, train"):
        dataset_factory.get_dataset('cifar10', 'validation', directory)


def test_missing_records_name_the_command_that_makes_them(tmp_path):
    for path in (tmp_path, tmp_path / 'nowhere'):
        with pytest.raises(UserError) as caught:
            dataset_factory.get_dataset('flowers', 'train', str(path))
        assert str(path) in str(caught.value)
        command = f'download_and_convert_data.py --dataset_name=flowers --dataset_dir={path}'
        assert command in str(caught.value)


def test_every_module_has_tf_slims_get_split():
    for module in dataset_factory.datasets_map.values():
        parameters = list(inspect.signature(module.get_split).parameters.values())
        assert [parameter.name for parameter in parameters[:4]] == [
            'split_name',
            'dataset_dir',
            'file_pattern',
            'reader',
        ]
        assert [parameter.default for parameter in parameters[2:4]] == [None, None]
