"""Tiny editions of the published data sets, in the layout of the real ones."""

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np

from support.files.picture_folders import class_folders

KINDS = ('daisy', 'dandelion', 'roses', 'sunflowers', 'tulips')


def tar(path, files):
    """Write a .tar.gz of names and contents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w:gz', compresslevel=1) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def flower_photos(root, count=4):
    """Write the five folders and the licence that lies beside them."""
    folder = class_folders(root / 'flower_photos', dict.fromkeys(KINDS, count))
    (folder / 'LICENSE.txt').write_text('All images are licensed under Creative Commons')
    return folder


def flower_archive(directory, count=4):
    """Write `flower_photos.tgz`."""
    folder = flower_photos(directory / 'unpacked', count)
    archive = directory / 'flower_photos.tgz'
    with tarfile.open(archive, 'w:gz') as container:
        container.add(folder, 'flower_photos')
    return archive


def pixels(count, *shape, seed=0):
    """Return pictures of random pixels."""
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def cifar_batches(dataset, count):
    """Return (labels, planes) for each binary file of an dataset, by file name."""
    names = [name for files in dataset.files.values() for name in files]
    classes = len(dataset.class_names)
    batches = {}
    for seed, name in enumerate(names):
        labels = (np.arange(count * dataset.label_bytes, dtype=np.uint8) + seed) % classes
        batches[name] = labels.reshape(count, -1), pixels(count, 3, 32, 32, seed=seed)
    return batches


def cifar_binary(path, dataset, count=3):
    """Write the binary archive."""
    files = {
        f'{dataset.folder}/{name}': np.concatenate(
            [labels, planes.reshape(count, -1)], axis=1
        ).tobytes()
        for name, (labels, planes) in cifar_batches(dataset, count).items()
    }
    files[f'{dataset.folder}/{dataset.names_file}'] = '\n'.join(dataset.class_names).encode()
    return tar(path, files)


def cifar_python(path, dataset, count=3):
    """Write the archive of pickles with the content of the binary one."""
    form = dataset.pickles
    renamed = {
        new: old
        for split, names in dataset.files.items()
        for new, old in zip(names, form.files[split], strict=True)
    }
    files = {}
    for name, (labels, planes) in cifar_batches(dataset, count).items():
        batch = {key: labels[:, i].tolist() for i, key in enumerate(form.label_keys)}
        batch[b'data'] = planes.reshape(count, -1)
        files[f'{form.folder}/{renamed[name]}'] = pickle.dumps(batch, protocol=2)
    names = [name.encode() for name in dataset.class_names]
    files[f'{form.folder}/{form.names_file}'] = pickle.dumps({form.names_key: names}, protocol=2)
    return tar(path, files)


def idx_files(directory, counts=(12, 5)):
    """Write the four IDX files; return the pictures and labels of each split."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {}
    for split, prefix, count in zip(('train', 'test'), ('train', 't10k'), counts, strict=True):
        pictures = pixels(count, 28, 28, seed=count)
        labels = np.arange(count, dtype=np.uint8) % 10
        image_data = struct.pack('>4I', 0x803, count, 28, 28) + pictures.tobytes()
        label_data = struct.pack('>2I', 0x801, count) + labels.tobytes()
        (directory / f'{prefix}-images-idx3-ubyte.gz').write_bytes(gzip.compress(image_data))
        (directory / f'{prefix}-labels-idx1-ubyte.gz').write_bytes(gzip.compress(label_data))
        content[split] = pictures, labels
    return content
