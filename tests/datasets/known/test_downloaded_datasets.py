"""flowers, CIFAR and MNIST: found, fetched, refused, and what their examples are."""

import collections
import io
import os
import pickle
import shutil

import numpy as np
import pytest
from PIL import Image

from common import archives, download, files
from common.errors import UserError
from datasets import cifar10, flowers, mnist
from datasets.known import cifar100, cifar_pickles, fashion_mnist, idx, published
from support.files import published_files
from support.network import http_files

CIFARS = [cifar10, cifar100]


def silent(line):
    pass


def decoded(example):
    return np.asarray(Image.open(io.BytesIO(example.data())))


def splits_of(spec):
    return collections.Counter(example.split for example in spec.examples)


def test_flowers_come_from_an_address(tmp_path):
    archive = published_files.flower_archive(tmp_path / 'web')
    spec = flowers.make_spec(tmp_path / 'data', archive.as_uri(), silent)
    assert (tmp_path / 'data/flower_photos/roses/000.jpg').is_file()
    assert spec.name == 'flowers'
    assert tuple(spec.class_names) == published_files.KINDS
    assert len(spec.examples) == 20
    assert spec.default_shards == 5
    assert spec.validation_count is None
    assert [os.path.basename(path) for path, _ in spec.ignored] == ['LICENSE.txt']


@pytest.mark.parametrize('form', ['archive', 'folder'])
def test_flowers_use_what_lies_there(tmp_path, form):
    archive = published_files.flower_archive(tmp_path)
    if form == 'folder':
        archive.unlink()
        shutil.move(tmp_path / 'unpacked/flower_photos', tmp_path)
    lines = []
    assert len(flowers.make_spec(tmp_path, report=lines.append).examples) == 20
    if form == 'archive':
        assert 'Using the existing ' in lines[0]
        assert 'is not the published file' in lines[1]


def test_the_whole_flowers_hold_out_350(tmp_path, monkeypatch):
    published_files.flower_photos(tmp_path, 2)
    monkeypatch.setattr(flowers, 'SPLITS_TO_SIZES', {'train': 8, 'validation': 2})
    assert flowers.make_spec(tmp_path, report=silent).validation_count == 2


def test_a_cut_archive_in_the_directory_says_what_to_do(tmp_path):
    archive = published_files.flower_archive(tmp_path)
    archive.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(UserError, match=r'flower_photos.tgz: damaged or incomplete .* delete it'):
        flowers.make_spec(tmp_path, report=silent)
    assert not (tmp_path / 'flower_photos').exists()


def test_no_network_says_where_to_put_the_file(tmp_path, monkeypatch):
    gone = published.PublishedFile('flower_photos.tgz', ('file:///not/there.tgz',))
    monkeypatch.setattr(flowers, 'ARCHIVE', gone)
    with pytest.raises(UserError, match=r'put the file at .*flower_photos.tgz .*--source_url'):
        flowers.make_spec(tmp_path, report=silent)


def test_published_hashes_are_checked_at_the_published_address(tmp_path, monkeypatch):
    archive = published_files.flower_archive(tmp_path / 'web')
    with http_files.serve({'/flower_photos.tgz': archive.read_bytes()}) as site:
        wrong = published.PublishedFile(
            'flower_photos.tgz', (site.address + '/flower_photos.tgz',), flowers.ARCHIVE.expected
        )
        with pytest.raises(UserError, match='expected 228,813,984'):
            published.obtain(wrong, str(tmp_path / 'data'), report=silent)
        right = published.PublishedFile(
            'flower_photos.tgz',
            (site.address + '/gone', site.address + '/flower_photos.tgz'),
            download.Expected(archive.stat().st_size, files.digest(archive)),
        )
        path = published.obtain(right, str(tmp_path / 'data'), report=silent)
    assert files.digest(path) == right.expected.sha256


def test_every_published_file_has_an_encrypted_address_and_a_hash():
    files = [flowers.ARCHIVE, *(module.DATASET.archive for module in CIFARS)]
    files += [
        e.published(name)
        for e in idx.DATASETS.values()
        for pair in idx.FILES.values()
        for name in pair
    ]
    assert len(files) == 11
    for file in files:
        assert file.expected.size > 0
        assert len(file.expected.sha256) == 64
        assert download._addresses(file.urls)[0].startswith('https://')
        assert file.urls[0].endswith(file.name)


@pytest.mark.parametrize('module', CIFARS)
@pytest.mark.parametrize('form', ['binary', 'python'])
@pytest.mark.parametrize('place', ['address', 'archive', 'folder'])
def test_cifar(tmp_path, module, form, place):
    dataset = module.DATASET
    archive = dataset.archive if form == 'binary' else dataset.pickles.archive
    make = published_files.cifar_binary if form == 'binary' else published_files.cifar_python
    home = tmp_path / ('web' if place == 'address' else 'data')
    path = make(home / archive.name, dataset)
    if place == 'folder':
        archives.unpack(path, home)
        path.unlink()
    url = path.as_uri() if place == 'address' else None
    spec = module.make_spec(tmp_path / 'data', url, silent)
    assert splits_of(spec) == {'train': 3 * len(dataset.files['train']), 'test': 3}
    assert tuple(spec.class_names) == dataset.class_names
    assert spec.keep_duplicates
    batches = published_files.cifar_batches(dataset, 3)
    for example in spec.examples:
        folder, number = example.filename.removesuffix('.png').split('/')
        labels, planes = batches[f'{folder}.bin']
        assert example.label == labels[int(number), -1]
        np.testing.assert_array_equal(decoded(example), planes[int(number)].transpose(1, 2, 0))


def test_an_incomplete_cifar_folder_names_what_is_missing(tmp_path):
    published_files.cifar_binary(tmp_path / cifar10.DATASET.archive.name, cifar10.DATASET)
    cifar10.make_spec(tmp_path, report=silent)
    (tmp_path / cifar10.DATASET.folder / 'data_batch_3.bin').unlink()
    with pytest.raises(UserError, match=r'data_batch_3.bin missing; delete the folder'):
        cifar10.make_spec(tmp_path, report=silent)


def test_cifar_class_names_come_from_the_archive_or_from_the_table(tmp_path):
    published_files.cifar_binary(tmp_path / cifar10.DATASET.archive.name, cifar10.DATASET)
    cifar10.make_spec(tmp_path, report=silent)
    names_file = tmp_path / cifar10.DATASET.folder / 'batches.meta.txt'
    names_file.write_text('\n'.join(f'k{number}' for number in range(10)))
    assert cifar10.make_spec(tmp_path, report=silent).class_names[9] == 'k9'
    names_file.write_text('one\ntwo\n')
    with pytest.raises(UserError, match='has 2 class names; must have 10'):
        cifar10.make_spec(tmp_path, report=silent)
    names_file.unlink()
    assert cifar10.make_spec(tmp_path, report=silent).class_names[9] == 'truck'


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'', '0 bytes is not a multiple'),
        (bytes(3073 + 5), '3,078 bytes is not a multiple of the 3073-byte record'),
        (bytes(3073) + b'\x0a' + bytes(3072), 'record 1 has label 10, of 10 classes'),
    ],
)
def test_damaged_cifar_names_the_file(tmp_path, content, words):
    published_files.cifar_binary(tmp_path / cifar10.DATASET.archive.name, cifar10.DATASET)
    cifar10.make_spec(tmp_path, report=silent)
    (tmp_path / cifar10.DATASET.folder / 'test_batch.bin').write_bytes(content)
    with pytest.raises(UserError, match=rf'test_batch.bin: {words}'):
        cifar10.make_spec(tmp_path, report=silent)


class Harmful:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize('protocol', range(6))
def test_pickles_run_no_code(tmp_path, protocol):
    path = tmp_path / 'data_batch_1'
    path.write_bytes(pickle.dumps({b'data': Harmful(tmp_path / 'hacked')}, protocol))
    with pytest.raises(UserError, match=r'names posix.mkdir, .* use the binary version'):
        cifar_pickles.load(path)
    assert not (tmp_path / 'hacked').exists()
    path.write_bytes(pickle.dumps({b'data': pixels(protocol), b'labels': [1]}, protocol))
    np.testing.assert_array_equal(cifar_pickles.load(path)[b'data'], pixels(protocol))


def pixels(seed):
    return published_files.pixels(2, 3072, seed=seed)


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\x80\x02nonsense',
        b'c__builtin__\neval\n.',
        b'c_codecs\nencode\n(Vrot13\nVrot13\ntR.',
        pickle.dumps([1]),
    ],
)
def test_damaged_pickles_are_refused(tmp_path, data):
    path = tmp_path / 'data_batch_1'
    path.write_bytes(data)
    with pytest.raises(UserError, match='data_batch_1: '):
        cifar_pickles.load(path)


@pytest.mark.parametrize('module', [mnist, fashion_mnist])
@pytest.mark.parametrize('place', ['address', 'directory', 'own'])
def test_idx_data_sets(tmp_path, module, place):
    homes = {'address': 'web', 'directory': 'data', 'own': f'data/{module.DATASET.name}'}
    content = published_files.idx_files(tmp_path / homes[place])
    url = (tmp_path / 'web').as_uri() if place == 'address' else None
    spec = module.make_spec(tmp_path / 'data', url, silent)
    assert spec.name == module.DATASET.name
    assert splits_of(spec) == {'train': 12, 'test': 5}
    assert len(spec.class_names) == 10
    for example in spec.examples:
        pictures, labels = content[example.split]
        index = int(example.filename[-9:-4])
        assert example.label == labels[index]
        np.testing.assert_array_equal(decoded(example), pictures[index])


def test_the_files_of_another_idx_data_set_are_left_alone(tmp_path, monkeypatch):
    published_files.idx_files(tmp_path)
    hashes = {path.name: (1, files.digest(path)) for path in tmp_path.iterdir()}
    twin = idx.IdxDataset('twin', mnist.DATASET.class_names, (), hashes)
    monkeypatch.setitem(idx.DATASETS, 'twin', twin)
    published_files.idx_files(tmp_path / 'web', (7, 7))
    spec = mnist.make_spec(tmp_path, (tmp_path / 'web').as_uri(), silent)
    assert splits_of(spec) == {'train': 7, 'test': 7}
    assert splits_of(idx.make_spec(twin, tmp_path, report=silent)) == {'train': 12, 'test': 5}


def test_mnist_files_that_do_not_fit_are_refused(tmp_path):
    published_files.idx_files(tmp_path)
    images = tmp_path / 'train-images-idx3-ubyte.gz'
    labels = tmp_path / 'train-labels-idx1-ubyte.gz'
    good = labels.read_bytes()
    labels.write_bytes((tmp_path / 't10k-labels-idx1-ubyte.gz').read_bytes())
    with pytest.raises(UserError, match=r'has 12 pictures, .* 5 labels'):
        mnist.make_spec(tmp_path, report=silent)
    labels.write_bytes(images.read_bytes())
    with pytest.raises(UserError, match='not an IDX file of bytes in 1 dimensions'):
        mnist.make_spec(tmp_path, report=silent)
    labels.write_bytes(good)
    images.write_bytes(images.read_bytes()[:-20])
    with pytest.raises(UserError, match='damaged or incomplete'):
        mnist.make_spec(tmp_path, report=silent)
