"""Find a data set by name: a published one, or one converted from a user's own pictures."""

from datasets import cifar10, flowers, imagenet, mnist
from datasets.known import (
    caltech101,
    caltech256,
    cifar100,
    fashion_mnist,
    mini_imagenet,
    tiny_imagenet,
)
from datasets.records import split_reader

datasets_map = {
    'caltech101': caltech101,
    'caltech256': caltech256,
    'cifar10': cifar10,
    'cifar100': cifar100,
    'fashion_mnist': fashion_mnist,
    'flowers': flowers,
    'imagenet': imagenet,
    'mini_imagenet': mini_imagenet,
    'mnist': mnist,
    'tiny_imagenet': tiny_imagenet,
}


def get_dataset(name, split_name, dataset_dir, file_pattern=None, reader=None):
    """Describe a split of the data set `name` as a `slim.dataset.Dataset`.

    A name that is not in `datasets_map` means the user's own pictures. Sizes and class names come
    from the files that the conversion, or another program, left in `dataset_dir`.
    """
    if name in datasets_map:
        return datasets_map[name].get_split(split_name, dataset_dir, file_pattern, reader)
    return split_reader.get_split(split_name, dataset_dir, file_pattern, reader, dataset_name=name)
