"""What people's folders really hold, from the folder to the records: nothing is lost silently."""

import csv
import os

import numpy as np
import pytest

from common.errors import UserError
from datasets.conversion.convert import ConvertOptions, convert
from datasets.own import image_folder
from support.files import pictures
from support.files.picture_folders import class_folders, picture_bytes, records

CUTS = 40


def hostile_folder(root):
    """Write pictures and worse; return the good ones by file name, and the names of the bad."""
    good, bad = {}, {}
    for number, (name, picture) in enumerate(pictures.all_good().items()):
        # Any suffix, or none, or the wrong one: the bytes decide.
        suffix = ('', '.png', '.JPG', '.jpeg', '.txt')[number % 5]
        good[f'every kind/{name} 꽃 {number}{suffix}'] = picture
    for name, (data, _) in pictures.bad_files().items():
        bad[f'every kind/bad {name}.jpg'] = data
    whole = picture_bytes(1, size=(60, 40))
    for number in range(CUTS):
        bad[f'café/cut {number:02d}.jpg'] = whole[: len(whole) * number // CUTS]
    good['café/ganz.jpg'] = pictures.Good(whole, None)
    litter = (
        '.DS_Store',
        'café/.DS_Store',
        'café/Thumbs.db',
        'café/._ganz.jpg',
        'café/.hidden.jpg',
    )
    for name in ('every kind', 'café', 'no pictures/below', 'empty'):
        (root / name).mkdir(parents=True)
    for name, picture in good.items():
        (root / name).write_bytes(picture.data)
    for name, data in bad.items():
        (root / name).write_bytes(data)
    for name in (*litter, 'notes.txt', 'no pictures/list.csv', 'no pictures/below/a.json'):
        (root / name).write_bytes(b'words')
    return good, bad


def file_count(root):
    return sum(len(names) for _, _, names in os.walk(root))


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    directory = tmp_path_factory.mktemp('hostile')
    good, bad = hostile_folder(directory / 'pics')
    options = ConvertOptions(num_processes=1, max_skipped_fraction=1, num_shards=2)
    spec = image_folder.from_folder(directory, 'pics')
    made = convert(spec, directory, options, lambda line: None)
    return directory, made, good, bad


def test_nothing_is_lost_silently(converted):
    directory, made, good, _ = converted
    with open(directory / 'pics_skipped.csv', encoding='utf-8', newline='') as stream:
        skipped = list(csv.DictReader(stream))
    assert all(row['reason'] for row in skipped)
    assert made.examples == len(good)
    # Of files alone: an empty folder is named in the summary, and is no file that was found.
    assert made.found == made.examples + len(skipped) == file_count(directory / 'pics')


def test_every_bad_file_is_listed_and_no_good_one(converted):
    _, made, good, bad = converted
    skipped = {path.removeprefix('pics/') for path, _ in made.skipped}
    assert set(bad) <= skipped
    assert not set(good) & skipped
    assert {'.DS_Store', 'café/Thumbs.db', 'notes.txt', 'no pictures/list.csv'} <= skipped


def test_the_good_ones_decode_to_the_right_pixels(converted):
    import tensorflow as tf

    directory, made, good, _ = converted
    found = {r['image/filename'][0].decode(): r for r in records(directory, made)}
    assert set(found) == set(good)
    for name, record in found.items():
        picture = good[name]
        pixels = tf.io.decode_image(record['image/encoded'][0], channels=3).numpy()
        assert pixels.shape[:2] == (record['image/height'][0], record['image/width'][0])
        if picture.pixels is not None:
            expected = np.broadcast_to(picture.pixels, pixels.shape).astype(int)
            assert np.abs(pixels - expected).max() <= picture.tolerance, name
    assert made.class_names == ['café', 'every kind']


def test_by_default_so_much_damage_is_an_error(converted, tmp_path):
    hostile_folder(tmp_path / 'pics')
    with pytest.raises(UserError, match='--max_skipped_fraction'):
        convert(image_folder.from_folder(tmp_path, 'pics'), tmp_path, ConvertOptions())


def test_folders_without_end_are_left_out(tmp_path):
    class_folders(tmp_path / 'pics', {'ant': 1, 'bee': 1})
    # A thousand of them would end in a RecursionError.
    deep = tmp_path / 'pics/bee' / '/'.join('a' * 120)
    deep.mkdir(parents=True)
    (deep / 'x.jpg').write_bytes(picture_bytes(5))
    spec = image_folder.from_folder(tmp_path, 'pics')
    assert [reason for _, reason in spec.refused] == ['more than 100 folders deep']
    assert len(spec.examples) == 2
