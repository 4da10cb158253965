import dataclasses

import pytest
import tensorflow.compat.v1 as tf

from common.errors import UserError
from datasets.conversion.convert import ConvertOptions, convert
from datasets.own import image_folder
from datasets.records import manifest, record_files, record_parser, split_reader
from datasets.records.verification import verify
from support.files import records
from support.files.picture_folders import class_folders


@pytest.fixture
def made(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 6, 'bee': 6})
    spec = image_folder.from_folder(tmp_path, 'pics')
    return convert(spec, tmp_path, ConvertOptions(num_processes=1), lambda line: None)


def damage(path, position, change):
    data = bytearray(path.read_bytes())
    data[position] ^= change
    path.write_bytes(data)


def test_a_whole_data_set_is_confirmed(tmp_path, made):
    lines = []
    verify(tmp_path, 'pics', lines.append)
    assert lines == ['pics: 12 records in 2 shards match the manifest']


def test_class_names_with_white_space_at_their_ends_are_confirmed(tmp_path):
    class_folders(tmp_path / 'pics', {'ant ': 6, ' bee': 6})
    spec = image_folder.from_folder(tmp_path, 'pics')
    convert(spec, tmp_path, ConvertOptions(num_processes=1), lambda line: None)
    verify(tmp_path, 'pics', lambda line: None)


@pytest.mark.parametrize(
    ('into_record', 'words'),
    [
        (0, 'length is wrong'),
        (9, 'fails its checksum'),
        (300, 'fails its checksum'),
        (-1, 'fails its checksum'),
        (12, 'fails its checksum'),
    ],
)
def test_a_flipped_byte_names_shard_and_record(tmp_path, made, into_record, words):
    shard = made.splits['train'].shards[0]
    start = shard.offsets[3] if into_record >= 0 else shard.offsets[4]
    damage(tmp_path / shard.file, start + into_record, 1)
    with pytest.raises(UserError, match=rf'{shard.file}: record 3 \(at byte .*{words}'):
        verify(tmp_path, 'pics')


def test_every_bad_shard_is_named(tmp_path, made):
    first, second = (made.splits[name].shards[0].file for name in ('train', 'validation'))
    damage(tmp_path / first, -1, 1)
    (tmp_path / second).unlink()
    with pytest.raises(UserError) as error:
        verify(tmp_path, 'pics')
    assert f'{first}: record 9' in str(error.value)
    assert f'{second}: cannot be read' in str(error.value)


def test_a_cut_and_a_lengthened_shard_are_named(tmp_path, made):
    shard = made.splits['train'].shards[0]
    path = tmp_path / shard.file
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    with pytest.raises(UserError, match=r'record 9 .*is cut off'):
        verify(tmp_path, 'pics')
    path.write_bytes(data + data[: shard.offsets[1]])
    with pytest.raises(UserError, match='bytes instead of'):
        verify(tmp_path, 'pics')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'offsets': [0]}, '1 offsets for 10 records'),
        ({'offsets': [0, 7] + [9] * 8}, 'record 0'),
        ({'sha256': 'feed'}, 'its content has changed since the conversion'),
    ],
)
def test_a_manifest_that_does_not_fit_is_noticed(tmp_path, made, change, words):
    split = made.splits['train']
    shard = dataclasses.replace(split.shards[0], **change)
    splits = {**made.splits, 'train': dataclasses.replace(split, shards=[shard])}
    manifest.write(tmp_path / 'pics.manifest.json', dataclasses.replace(made, splits=splits))
    with pytest.raises(UserError, match=words):
        verify(tmp_path, 'pics')


def test_a_label_without_a_class_names_the_record(tmp_path, made):
    manifest.write(tmp_path / 'pics.manifest.json', dataclasses.replace(made, class_names=['ant']))
    with pytest.raises(UserError, match=r'record \d+ \(at byte .*has the label \[1\]'):
        verify(tmp_path, 'pics')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'found': 13}, r'pics\.manifest\.json: states that 13 files were found, but lists 12'),
        ({'class_names': ['ant', 'wasp']}, r'labels\.txt: does not have the 2 class names'),
        (
            {'class_names': ['bee', 'ant']},
            r"record 0 \(at byte 0\) has the class text '(ant|bee)', but its label is",
        ),
    ],
)
def test_a_manifest_of_other_contents_is_noticed(tmp_path, made, change, words):
    manifest.write(tmp_path / 'pics.manifest.json', dataclasses.replace(made, **change))
    with pytest.raises(UserError, match=words):
        verify(tmp_path, 'pics')


def test_a_class_text_that_is_no_text_is_one_line(tmp_path, made):
    file = made.splits['train'].shards[0].file
    path = str(tmp_path / file)
    example = tf.train.Example.FromString(next(iter(tf.io.tf_record_iterator(path))))
    example.features.feature['image/class/text'].bytes_list.value[:] = [b'\xff\xfe']
    records.write(path, [example.SerializeToString()])
    (start,) = record_files.scan(path)
    size = (tmp_path / file).stat().st_size
    shard = manifest.Shard(file, 1, size, '', [start])
    splits = {'train': manifest.Split(1, [shard])}
    manifest.write(tmp_path / 'pics.manifest.json', dataclasses.replace(made, splits=splits))
    with pytest.raises(UserError, match=r'record 0 .* has a class text that is not UTF-8') as error:
        verify(tmp_path, 'pics')
    assert '\n' not in str(error.value)
    # Training does not look at it.
    record_parser.check(split_reader.get_split('train', str(tmp_path), dataset_name='pics'))


def test_what_cannot_be_verified_says_why(tmp_path):
    with pytest.raises(UserError, match=r'no manifest.*download_and_convert_data\.py'):
        verify(tmp_path, 'pics')
    (tmp_path / 'pics.converting').write_text('{}')
    with pytest.raises(UserError, match='interrupted'):
        verify(tmp_path, 'pics')
