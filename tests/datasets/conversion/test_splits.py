import collections

import pytest

from common import files
from datasets.conversion import duplicates, splits
from datasets.conversion.convert import ConvertOptions
from datasets.conversion.spec import RawExample


@pytest.mark.parametrize(
    ('sizes', 'wanted', 'quotas'),
    [
        ([100, 100], 20, [10, 10]),
        ([95, 5], 10, [9, 1]),
        ([97, 2, 2], 10, [8, 1, 1]),
        ([633, 898, 641, 699, 799], 350, [60, 86, 61, 67, 76]),
        ([50, 1], 5, [5, 0]),
        ([3, 3], 100, [2, 2]),
        ([3, 3], 0, [0, 0]),
    ],
)
def test_validation_places_are_shared_by_size(sizes, wanted, quotas):
    sizes = dict(enumerate(sizes))
    limits = {label: size - 1 for label, size in sizes.items()}
    assert list(splits.validation_quotas(sizes, limits, wanted).values()) == quotas


def examples_of(counts):
    return [
        RawExample(f'{label}/{index}', label, data=b'%d %d' % (label, index))
        for label, count in enumerate(counts)
        for index in range(count)
    ]


def test_each_class_is_held_out_at_least_once_and_trained_at_least_once():
    examples = examples_of([40, 3, 2, 1])
    chosen = splits.choose(examples, {}, ConvertOptions(validation_percentage=10))
    counts = collections.Counter(zip((e.label for e in examples), chosen, strict=True))
    assert [counts[label, 'validation'] for label in range(4)] == [3, 1, 1, 0]
    assert all(counts[label, 'train'] for label in range(4))


def test_without_validation_all_is_training():
    chosen = splits.choose(examples_of([5, 5]), {}, ConvertOptions(validation_percentage=0))
    assert set(chosen) == {'train'}


def test_new_pictures_of_one_class_leave_the_split_of_the_others():
    options = ConvertOptions(validation_percentage=20)
    before = splits.choose(examples_of([20, 20]), {}, options)
    after = splits.choose(examples_of([20, 40]), {}, options)
    assert before[:20] == after[:20]


@pytest.mark.parametrize(
    ('given', 'chosen'),
    [
        (('train', 'validation'), ['train', None]),
        (('test', 'validation'), ['test', None]),
        (('validation', 'validation'), ['validation', 'validation']),
        (('validation', 'test', 'train'), [None, None, 'train']),
    ],
)
def test_copies_stay_in_one_split(given, chosen):
    examples = [RawExample(str(i), 0, split, data=b'same') for i, split in enumerate(given)]
    found = duplicates.find_duplicates(examples)
    assert splits.choose(examples, found, ConvertOptions()) == chosen


@pytest.mark.parametrize(
    ('examples', 'options', 'default', 'count'),
    [
        (100, {}, None, 1),
        (1535, {}, None, 1),
        (1537, {}, None, 2),
        (1_281_167, {}, None, 1251),
        (350, {}, 5, 5),
        (350, {'num_shards': 3}, 5, 3),
        (350, {'num_shards': 3, 'train_shards': 2}, 5, 2),
        (4, {'num_shards': 7}, None, 4),
    ],
)
def test_number_of_shards(examples, options, default, count):
    assert splits.shard_count('train', examples, ConvertOptions(**options), default) == count


def test_shards_are_of_one_size_and_hold_every_class():
    labels = [0] * 30 + [1] * 17 + [2] * 5
    shards = splits.deal(range(52), labels, 5, 'seed')
    assert sorted(index for shard in shards for index in shard) == list(range(52))
    assert {len(shard) for shard in shards} == {10, 11}
    assert all({labels[index] for index in shard} == {0, 1, 2} for shard in shards)
    assert shards == splits.deal(range(52), labels, 5, 'seed')


def test_only_equal_content_is_a_copy(tmp_path):
    contents = [b'x' * 9000, b'y' + b'x' * 8999, b'x' * 9000, b'z' * 9000, b'', b'', b'x' * 9000]
    examples = []
    for index, content in enumerate(contents[:-1]):
        (tmp_path / str(index)).write_bytes(content)
        examples.append(RawExample(str(index), 0, path=str(tmp_path / str(index))))
    examples += [
        RawExample('memory', 0, data=contents[-1]),
        RawExample('missing', 0, path=str(tmp_path / 'missing')),
        RawExample('function', 0, data=lambda: contents[0]),
    ]
    assert list(duplicates.find_duplicates(examples).values()) == [[0, 2, 6]]


def test_a_file_is_read_as_a_whole_at_most_once(tmp_path, monkeypatch):
    examples = []
    for name in ('a', 'b', 'c'):
        (tmp_path / name).write_bytes(b'x' * 9000)
        examples.append(RawExample(name, 0, path=str(tmp_path / name)))
    read = []
    digest = files.digest
    monkeypatch.setattr(files, 'digest', lambda path: read.append(path) or digest(path))
    assert list(duplicates.find_duplicates(examples).values()) == [[0, 1, 2]]
    assert read == [example.path for example in examples]
