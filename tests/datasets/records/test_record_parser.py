"""One reader for our records and for those of other programs."""

import os

import numpy as np
import pytest
import tensorflow.compat.v1 as tf
import tf_slim as slim

from common.errors import UserError
from datasets import dataset_factory, flowers, imagenet
from datasets.known import fashion_mnist
from datasets.records import manifest, record_features, record_files, record_parser
from support.files import records


def _write(directory, names_and_labels, **options):
    start = 0
    for name, labels in names_and_labels.items():
        records.write_pictures(directory / name, labels, start=start, **options)
        start += len(labels)


def _write_manifest(directory, name, class_names, files):
    """Describe files {split: [file]} as a conversion does."""
    splits = {}
    for split, split_files in files.items():
        shards = []
        for file in split_files:
            offsets = record_files.scan(directory / file)
            size = os.path.getsize(directory / file)
            shards.append(manifest.Shard(file, len(offsets), size, '', offsets))
        splits[split] = manifest.Split(sum(shard.examples for shard in shards), shards)
    path = manifest.manifest_path(directory, name)
    manifest.write(path, manifest.Manifest(name, class_names, splits))


def _labels_file(directory, *names, file='labels.txt'):
    (directory / file).write_text(''.join(f'{i}:{name}\n' for i, name in enumerate(names)))


def _names(dataset):
    return [os.path.basename(path) for path in dataset.data_sources]


@pytest.mark.parametrize(
    ('name', 'files'),
    [
        (
            'flowers',
            ['flowers_train-00000-of-00002.tfrecord', 'flowers_train-00001-of-00002.tfrecord'],
        ),
        ('pets', ['pets_train_00000-of-00002.tfrecord', 'pets_train_00001-of-00002.tfrecord']),
        ('imagenet', ['train-00000-of-00002', 'train-00001-of-00002']),
        ('cifar10', ['cifar10_train.tfrecord']),
        ('mnist', ['mnist_train.tfrecord']),
        ('birds', ['birds_train-0.tfrecords', 'birds_train-1.tfrecords']),
    ],
)
def test_other_programs_records_are_found_and_counted(tmp_path, name, files):
    _write(tmp_path, {file: [0, 1, 2] for file in files})
    _write(tmp_path, {f'.{files[0]}': [0], f'{files[0]}.part': [0], 'train-images-idx3': [0]})
    _labels_file(tmp_path, 'a', 'b', 'c')
    dataset = dataset_factory.get_dataset(name, 'train', str(tmp_path))
    assert isinstance(dataset, slim.dataset.Dataset)
    assert _names(dataset) == files
    assert dataset.num_samples == 3 * len(files)
    assert dataset.num_classes == 3
    assert dataset.labels_to_names == {0: 'a', 1: 'b', 2: 'c'}
    assert (dataset.dataset_name, dataset.split_name) == (name, 'train')
    record_parser.check(dataset)


def test_the_manifest_tells_all(tmp_path):
    file = 'pets_train_00000-of-00001.tfrecord'
    _write(tmp_path, {file: [0, 1, 1]})
    _labels_file(tmp_path, 'other', 'names', 'of', 'a neighbour')
    _write_manifest(tmp_path, 'pets', ['cat', 'dog'], {'train': [file]})
    dataset = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    assert dataset.class_names == ['cat', 'dog']
    assert dataset.num_samples == 3
    assert dataset.shards[0].offsets == record_files.scan(tmp_path / file)
    record_parser.check(dataset)
    with pytest.raises(UserError, match=r"pets has no split 'test'; it has train"):
        dataset_factory.get_dataset('pets', 'test', str(tmp_path))


def test_a_shard_that_is_not_as_its_manifest_says(tmp_path):
    file = 'pets_train_00000-of-00001.tfrecord'
    _write(tmp_path, {file: [0, 1]})
    _write_manifest(tmp_path, 'pets', ['cat', 'dog'], {'train': [file]})
    with open(tmp_path / file, 'ab') as stream:
        stream.write(b'more')
    with pytest.raises(UserError, match=rf'{file}: has [\d,]+ bytes, its manifest says'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    os.unlink(tmp_path / file)
    with pytest.raises(UserError, match=rf'{file}: missing; .*download_and_convert_data.py'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def test_no_reader_passes_the_fence(tmp_path):
    _write(tmp_path, {'pets_train_00000-of-00001.tfrecord': [0, 1]})
    (tmp_path / 'pets.converting').write_text('')
    with pytest.raises(UserError, match=r'pets\.converting exists'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def test_an_info_file_stands_in_for_a_manifest(tmp_path):
    _write(tmp_path, {'my_flower_5_train_00000-of-00001.tfrecord': [0, 4, 2]})
    (tmp_path / 'my_flower_5.info').write_text('label:5\ntrain:3\nvalidation:1\n')
    dataset = dataset_factory.get_dataset('my_flower_5', 'train', str(tmp_path))
    assert (dataset.num_samples, dataset.num_classes) == (3, 5)

    (tmp_path / 'my_flower_5.info').write_text('label:5\ntrain:4\n')
    with pytest.raises(UserError, match=r'my_flower_5.info: says train:4, but .* hold 3 records'):
        dataset_factory.get_dataset('my_flower_5', 'train', str(tmp_path))
    (tmp_path / 'my_flower_5.info').write_text('train is 3')
    with pytest.raises(UserError, match="'train is 3' must have the form"):
        dataset_factory.get_dataset('my_flower_5', 'train', str(tmp_path))


@pytest.mark.parametrize('content', ['0:cat\n1:dog\n', 'cat\ndog\n'])
def test_both_forms_of_label_files_are_read(tmp_path, content):
    _write(tmp_path, {'pets_train-00000-of-00001': [0, 1]})
    _labels_file(tmp_path, 'of', 'another', 'data set')
    (tmp_path / 'pets_labels.txt').write_text(content)
    dataset = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    assert dataset.class_names == ['cat', 'dog']


def test_a_wrong_number_of_names_is_an_error(tmp_path):
    _write(tmp_path, {'pets_train-00000-of-00001': [0, 1]})
    _labels_file(tmp_path, 'cat', 'dog', 'mouse')
    (tmp_path / 'pets.info').write_text('label:2\n')
    with pytest.raises(UserError, match=r'labels.txt: has 3 names, but .*pets.info says label:2'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def test_class_texts_are_taken_from_the_records_at_last(tmp_path):
    texts = {1: b'gim', 2: b'tuk'}
    data = records.encoded(records.picture(0))
    examples = [records.example(data, n, **{'image/class/text': texts[n]}) for n in (2, 1, 2)]
    records.write(tmp_path / 'train-00000-of-00001', examples)
    dataset = dataset_factory.get_dataset('food', 'train', str(tmp_path))
    assert dataset.class_names == ['background', 'gim', 'tuk']
    record_parser.check(dataset, labels_offset=1)
    record_parser.check(dataset, labels_offset=1, num_classes=2)


def test_imagenet_brings_its_names(tmp_path):
    _write(tmp_path, {'validation-00000-of-00001': [1, 1000]})
    dataset = imagenet.get_split('validation', str(tmp_path))
    assert dataset.num_classes == 1001
    assert dataset.class_names[1].startswith('tench')
    record_parser.check(dataset, labels_offset=1)


def test_a_pattern_of_one_s_own(tmp_path):
    _write(tmp_path, {'strange-train.records': [0, 1], 'strange-test.records': [0]})
    _labels_file(tmp_path, 'a', 'b')
    dataset = flowers.get_split('train', str(tmp_path), 'strange-%s.*')
    assert dataset.num_samples == 2
    with pytest.raises(UserError, match=r'strange-other\.\*: no file matches'):
        flowers.get_split('other', str(tmp_path), 'strange-%s.*')


def test_what_is_missing_is_named_with_the_command_that_makes_it(tmp_path):
    command = 'python download_and_convert_data.py --dataset_name=pets'
    with pytest.raises(UserError, match=rf'pets_train-\*: no such files; .*{command}'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    _write(tmp_path, {'birds_train_00000-of-00001.tfrecord': [0], 'birds_test.tfrecord': [0]})
    with pytest.raises(
        UserError, match=rf'{command}.* \(records there: birds_test, birds_train\)$'
    ):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    with pytest.raises(UserError, match=rf'nowhere: no such directory; .*{command}'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path / 'nowhere'))


def test_an_unknown_split_lists_those_present(tmp_path):
    _write(tmp_path, {'pets_train-00000-of-00001': [0], 'pets_validation_0.tfrecord': [0]})
    _write(tmp_path, {'train-00000-of-00001': [0]})
    with pytest.raises(UserError, match=r"no split 'test'; it has train, validation$"):
        dataset_factory.get_dataset('pets', 'test', str(tmp_path))


def test_a_checkpoint_is_not_taken_for_a_split(tmp_path):
    (tmp_path / 'model.ckpt-1.data-00000-of-00001').write_bytes(b'')
    assert record_files.splits_present(tmp_path, 'pets') == []


def test_a_missing_shard_is_named(tmp_path):
    _write(tmp_path, {'pets_train-00000-of-00003.tfrecord': [0]})
    _write(tmp_path, {'pets_train-00002-of-00003.tfrecord': [0]})
    with pytest.raises(UserError, match=r'pets_train-00001-of-00003.tfrecord: missing'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def test_shards_of_two_conversions_are_not_mixed(tmp_path):
    _write(tmp_path, {'pets_train-00000-of-00001': [0], 'pets_train-00000-of-00002': [0]})
    with pytest.raises(UserError, match='different conversions'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def test_an_empty_split_is_an_error(tmp_path):
    _write(tmp_path, {'pets_train-00000-of-00001': []})
    _labels_file(tmp_path, 'cat')
    with pytest.raises(UserError, match="split 'train' of pets has no examples"):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def _of_two_shards(directory, first, second):
    _write(directory, {'pets_train-00000-of-00002': first, 'pets_train-00001-of-00002': second})
    _labels_file(directory, 'cat', 'dog')
    return dataset_factory.get_dataset('pets', 'train', str(directory))


@pytest.mark.parametrize('bad', [-1, 2, 2**40])
def test_a_label_out_of_range_names_the_record(tmp_path, bad):
    dataset = _of_two_shards(tmp_path, [0, 1], [0, 1, bad])
    message = rf'00001-of-00002: record 2 has the label {bad}; valid are 0 to 1'
    with pytest.raises(UserError, match=message):
        record_parser.check(dataset)
    record_parser.check(_of_two_shards(tmp_path, [0, 1], [0]))


def test_the_offset_is_taken_into_account(tmp_path):
    dataset = _of_two_shards(tmp_path, [1, 1], [1, 0])
    with pytest.raises(UserError, match='record 1 has the label 0; valid are 1 to 1'):
        record_parser.check(dataset, labels_offset=1)
    with pytest.raises(UserError, match='record 0 has the label 1; valid are 0 to 0'):
        record_parser.check(dataset, num_classes=1)


def test_a_manifest_does_not_excuse_an_offset(tmp_path):
    file = 'pets_train_00000-of-00001.tfrecord'
    _write(tmp_path, {file: [1, 0, 1]})
    _write_manifest(tmp_path, 'pets', ['cat', 'dog'], {'train': [file]})
    dataset = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    with pytest.raises(UserError, match='record 1 has the label 0; valid are 1 to 1'):
        record_parser.check(dataset, labels_offset=1)


@pytest.mark.parametrize(
    ('record', 'complaint'),
    [
        (b'no example at all', 'is not a tf.train.Example'),
        (b'', 'has no image/class/label'),
        (tf.train.Example().SerializeToString() + b'\x0a\x00', 'has no image/class/label'),
        (records.example(b'', 1), None),
    ],
    ids=['text', 'empty', 'no features', 'no picture'],  # A map's bytes come in any order.
)
def test_a_first_record_that_is_no_picture_is_named(tmp_path, record, complaint):
    records.write(tmp_path / 'pets_train-00000-of-00001', [record])
    _labels_file(tmp_path, 'cat', 'dog')
    dataset = dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    if complaint:
        with pytest.raises(UserError, match=f'00000-of-00001: record 0 {complaint}'):
            record_parser.check(dataset)


def test_damage_is_named(tmp_path):
    dataset = _of_two_shards(tmp_path, [0, 1], [0, 1])
    path = tmp_path / 'pets_train-00001-of-00002'
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match='00001-of-00002: record 0 is damaged'):
        record_parser.check(dataset)
    path.write_bytes(content[:-5])
    with pytest.raises(UserError, match='00001-of-00002: record 1 is damaged or cut off'):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))
    path.write_bytes(b'a text, and not a TFRecord file')
    with pytest.raises(
        UserError, match='record 0 is damaged or cut off, or this is not a TFRecord file'
    ):
        dataset_factory.get_dataset('pets', 'train', str(tmp_path))


def test_scanning_finds_what_tensorflow_reads(tmp_path):
    path = str(tmp_path / 'records')
    contents = [bytes(size) for size in (0, 1, 300, 70_000)]
    records.write(path, contents)
    offsets = record_files.scan(path)
    with open(path, 'rb') as stream:
        whole = stream.read()
    assert [whole[slice(*record_files.data_span(whole, o))] for o in offsets] == contents


@pytest.mark.parametrize('label', [0, 1, 127, 128, -1, 2**62])
def test_labels_are_read_past_the_pictures(tmp_path, label):
    record = records.example(bytes(100_000), label, 'name', **{'image/class/text': b'tulip'})
    records.write(tmp_path / 'records', [record])
    found = list(record_features.labels_and_texts(tmp_path / 'records', [0]))
    assert found == [(label, b'tulip')]


def test_labels_are_read_in_the_other_encoding_of_lists(tmp_path):
    def field(number, content):
        return bytes([number << 3 | 2, len(content)]) + content

    int64_list = b'\x08\x07'  # Field 1 as a plain number, 7, where writers of today pack it.
    entry = field(1, b'image/class/label') + field(2, field(3, int64_list))
    record = field(1, field(1, entry))
    feature = tf.train.Example.FromString(record).features.feature
    assert feature['image/class/label'].int64_list.value == [7]
    records.write(tmp_path / 'records', [record])
    assert list(record_features.labels_and_texts(tmp_path / 'records', [0])) == [(7, None)]


@pytest.mark.parametrize(('module', 'channels'), [(flowers, 3), (fashion_mnist, 1)])
def test_slim_s_data_provider_works(tmp_path, module, channels):
    name = 'flowers' if module is flowers else 'fashion_mnist'
    _write(tmp_path, {f'{name}_train-00000-of-00001.tfrecord': [0, 1, 2]})
    _labels_file(tmp_path, 'a', 'b', 'c')
    dataset = module.get_split('train', str(tmp_path))
    with tf.Graph().as_default(), tf.Session() as session:
        provider = slim.dataset_data_provider.DatasetDataProvider(dataset, shuffle=False)
        image, label = provider.get(['image', 'label'])
        assert provider.num_samples() == 3
        # Queues that make batches have to know the shapes.
        assert label.shape == []
        assert image.shape.as_list() == [None, None, channels]
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        for number in (0, 1, 2, 0):
            pixels, found = session.run([image, label])
            assert found == number
            assert pixels.shape == (30, 40, channels)
            if channels == 3:
                np.testing.assert_array_equal(pixels, records.picture(number))
        coordinator.request_stop()
        coordinator.join(threads)
