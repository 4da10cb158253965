"""What the user asks for, and what is converted for it."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from common.errors import UserError
from datasets import cifar10, dataset_factory, flowers, sources
from datasets.conversion.convert import ConvertOptions
from datasets.records import manifest
from datasets.sources import Request
from support.files import published_files
from support.files.picture_folders import class_folders, picture_bytes, records

ALONE = ConvertOptions(num_processes=1)


def run(lines=None, options=ALONE, **request):
    request = {
        name: str(value) if isinstance(value, Path) else value for name, value in request.items()
    }
    report = (lambda line: None) if lines is None else lines.append
    return sources.run(Request(options=options, **request), report)


def test_flowers_make_five_shards_of_each_split(tmp_path):
    archive = published_files.flower_archive(tmp_path / 'web', 12)
    lines = []
    made = run(
        lines,
        dataset_name='flowers',
        dataset_dir=tmp_path / 'data',
        source_url=archive.as_uri(),
        options=dataclasses.replace(ALONE, validation_percentage=50),
    )
    assert {split: len(found.shards) for split, found in made.splits.items()} == {
        'train': 5,
        'validation': 5,
    }
    assert made.splits['validation'].examples == 30
    assert (tmp_path / 'data/flowers_train_00000-of-00005.tfrecord').is_file()
    assert (tmp_path / 'data/labels.txt').read_text().splitlines()[4] == '4:tulips'
    assert 'found 61 = written 60 + skipped 1' in lines[1]
    assert lines[-3] == '5 classes: daisy, dandelion, roses, sunflowers, tulips'
    assert lines[-2] == f'The records are in {tmp_path / "data"}.'
    audit = f'python audit_dataset.py --dataset_dir={tmp_path / "data"} --dataset_name='
    assert audit in lines[-1]


def test_a_typed_percentage_wins_over_the_published_split(tmp_path, monkeypatch):
    published_files.flower_photos(tmp_path, 4)
    monkeypatch.setattr(flowers, 'SPLITS_TO_SIZES', {'train': 15, 'validation': 5})
    request = Request(dataset_name='flowers', dataset_dir=str(tmp_path))
    assert sources.make_spec(request).validation_count == 5
    typed = dataclasses.replace(ALONE, validation_percentage=50)
    assert sources.make_spec(dataclasses.replace(request, options=typed)).validation_count is None


@pytest.fixture
def cifar(tmp_path):
    """Convert a tiny CIFAR-10 and return the directory and the request."""
    archive = published_files.cifar_binary(tmp_path / 'web/cifar-10-binary.tar.gz', cifar10.DATASET)
    request = {'dataset_name': 'cifar10', 'dataset_dir': tmp_path / 'data'}
    run(source_url=archive.as_uri(), **request)
    return tmp_path / 'data', request


def test_cifar_has_the_splits_train_and_test(cifar):
    directory, _ = cifar
    made = manifest.read(directory, 'cifar10')
    assert {name: split.examples for name, split in made.splits.items()} == {'train': 15, 'test': 3}
    found = records(directory, made, 'test')
    assert [record['image/format'] for record in found] == [[b'png']] * 3
    assert {record['image/height'][0] for record in found} == {32}


def test_a_second_run_does_nothing_with_and_without_the_sources(cifar):
    directory, request = cifar
    before = (directory / 'cifar10.manifest.json').stat().st_mtime_ns
    lines = []
    run(lines, **request)
    assert 'nothing has changed' in lines[0]
    shutil.rmtree(directory / 'cifar-10-batches-bin')
    (directory / 'cifar-10-binary.tar.gz').unlink()
    lines.clear()
    assert run(lines, **request).examples == 18
    assert 'its sources were removed' in lines[0]
    assert (directory / 'cifar10.manifest.json').stat().st_mtime_ns == before
    other = dataclasses.replace(ALONE, random_seed=3)
    with pytest.raises(UserError, match='could not be downloaded'):
        run(source_url=directory / 'gone.tar.gz', options=other, **request)


def test_verify_names_the_shard_that_is_bad(cifar):
    directory, request = cifar
    lines = []
    run(lines, verify=True, **request)
    assert '18 records' in lines[0]
    shard = directory / 'cifar10_train_00000-of-00001.tfrecord'
    data = bytearray(shard.read_bytes())
    data[500] ^= 1
    shard.write_bytes(data)
    with pytest.raises(UserError, match=r'cifar10_train_00000-of-00001.tfrecord'):
        run(verify=True, **request)


def test_own_pictures_need_no_more_than_their_folder(tmp_path):
    class_folders(tmp_path / 'my_flower_5', {'a': 10, 'b': 10})
    made = run(dataset_name='my_flower_5', dataset_dir=tmp_path)
    assert made.class_names == ['a', 'b']
    assert {name: split.examples for name, split in made.splits.items()} == {
        'train': 18,
        'validation': 2,
    }


def test_ready_made_splits_as_the_older_tools_took_them(tmp_path):
    class_folders(tmp_path / 'img/train', {'gim': 4, 'tuk': 4})
    class_folders(tmp_path / 'img/val', {'gim': 2, 'tuk': 2}, first_seed=50)
    (tmp_path / 'labels').write_text('tuk\ngim\n')
    made = run(
        train_directory=tmp_path / 'img/train',
        validation_directory=tmp_path / 'img/val',
        labels_file=tmp_path / 'labels',
        output_directory=tmp_path / 'tfrecord',
        background_class=True,
        options=dataclasses.replace(ALONE, train_shards=2, validation_shards=1),
    )
    assert made.class_names == ['background', 'tuk', 'gim']
    names = {path.name for path in (tmp_path / 'tfrecord').iterdir()}
    assert {'train-00000-of-00002', 'train-00001-of-00002', 'validation-00000-of-00001'} <= names


def test_a_csv_file_lists_the_pictures(tmp_path):
    class_folders(tmp_path / 'pictures', {'x': 6})
    rows = [
        f'pictures/x/{i:03d}.jpg,{"ant" if i % 2 else "bee"},{"train" if i < 4 else "val"}'
        for i in range(6)
    ]
    (tmp_path / 'list.csv').write_text('path,label,split\n' + '\n'.join(rows))
    made = run(csv_file=tmp_path / 'list.csv', dataset_name='insects', dataset_dir=tmp_path / 'out')
    assert made.class_names == ['ant', 'bee']
    assert made.splits['validation'].examples == 2


@pytest.mark.parametrize(
    ('request_', 'words'),
    [
        ({}, '--dataset_dir is missing'),
        ({'dataset_dir': 'd'}, r'--dataset_name is missing: .* flowers'),
        ({'dataset_name': 'flowers'}, '--dataset_dir is missing'),
        ({'dataset_name': 'flowers', 'output_directory': 'd'}, '--dataset_dir is missing'),
        ({'train_directory': 't'}, '--output_directory is missing'),
        ({'dataset_name': 'a/b', 'dataset_dir': 'd'}, '--dataset_name=a/b: must be a name'),
        ({'dataset_name': '.x', 'dataset_dir': 'd'}, 'must be a name'),
        (
            {'dataset_dir': 'd', 'train_directory': 't', 'csv_file': 'c'},
            '--csv_file and --train_directory',
        ),
        (
            {'dataset_dir': 'd', 'dataset_name': 'own', 'source_url': 'u'},
            r'--source_url=u: replaces the address of .*flowers',
        ),
        (
            {'dataset_dir': 'd', 'dataset_name': 'own', 'labels_file': 'l'},
            '--labels_file=l: needs --train_directory',
        ),
        (
            {'dataset_dir': 'd', 'dataset_name': 'own', 'sample_unknowns': True},
            '--sample_unknowns=True: needs --dataset_name=sample_flowers',
        ),
        (
            {'dataset_dir': 'd', 'dataset_name': 'mnist', 'background_class': True},
            '--background_class=True: has no effect on mnist',
        ),
    ],
)
def test_flags_that_are_missing_or_useless_are_named(request_, words):
    with pytest.raises(UserError, match=words):
        sources.run(Request(**request_))


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(UserError) as caught:
        run(dataset_name='flower', dataset_dir=tmp_path)
    message = str(caught.value)
    assert f'{tmp_path / "flower"} does not exist' in message
    assert 'known data sets, nearest first: flowers, ' in message


def test_every_known_data_set_is_complete():
    for name, module in dataset_factory.datasets_map.items():
        assert module.get_split.keywords['dataset_name'] == name
        assert module.NUM_CLASSES > 1
        assert module.SOURCES
        assert callable(module.make_spec)


def test_broken_pictures_are_listed_and_too_many_are_an_error(tmp_path):
    class_folders(tmp_path / '101_ObjectCategories', {'a': 10, 'b': 10})
    broken = tmp_path / '101_ObjectCategories/a/broken.jpg'
    broken.write_bytes(picture_bytes(1)[:200])
    made = run(dataset_name='caltech101', dataset_dir=tmp_path)
    assert [path for path, _ in made.skipped] == ['101_ObjectCategories/a/broken.jpg']
    with pytest.raises(UserError, match='max_skipped_fraction'):
        run(
            dataset_name='caltech101',
            dataset_dir=tmp_path,
            options=dataclasses.replace(ALONE, max_skipped_fraction=0.01, overwrite=True),
        )
