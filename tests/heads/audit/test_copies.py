"""Copies of a picture are found in other sizes, qualities and crops; other pictures are not."""

import io

import numpy as np
import pytest
from PIL import Image

from datasets.samples import painters
from heads.audit import measures
from heads.audit.copies import alignment, hashes

VARIANTS = {
    'the same': lambda image: image,
    'half the size': lambda image: image.resize((image.width // 2, image.height // 2)),
    'low quality': lambda image: _as_jpeg(image, 25),
    'cropped': lambda image: _cropped(image, 0.05, 0.0, 0.02, 0.06),
    'cropped at one side': lambda image: _cropped(image, 0.0, 0.07, 0.0, 0.0),
    'all of it': lambda image: _as_jpeg(_cropped(image, 0.03, 0.02, 0.04, 0.0), 60).resize(
        (150, 130)
    ),
}


def _as_jpeg(image, quality):
    stream = io.BytesIO()
    image.save(stream, 'JPEG', quality=quality)
    return Image.open(stream)


def _cropped(image, left, top, right, bottom):
    width, height = image.size
    box = (width * left, height * top, width * (1 - right), height * (1 - bottom))
    return image.crop(tuple(map(round, box)))


def drawn(seed=1, kind='roses'):
    return Image.open(io.BytesIO(painters.draw_flower(kind, f'audit/{seed}'))).convert('RGB')


def hashes_of(*images):
    return np.stack([hashes.hashes(image.convert('L')) for image in images])


def agreement(*images):
    return alignment.agreement(*(alignment.square(np.asarray(image)) for image in images))


@pytest.mark.parametrize('variant', VARIANTS)
def test_a_variant_is_proposed_and_agrees(variant):
    image, copy = drawn(), VARIANTS[variant](drawn())
    assert [0, 1, 0] in hashes.close_pairs(hashes_of(image, copy)).tolist()
    found = agreement(image, copy)
    assert found.correlation > 0.98
    assert found.difference < 0.1


def test_a_mirrored_copy_is_proposed_as_such():
    image = drawn()
    mirrored = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert hashes.close_pairs(hashes_of(image, mirrored)).tolist() == [[0, 1, 1]]


def test_different_pictures_do_not_agree():
    images = [drawn(seed, kind) for kind in ('roses', 'tulips') for seed in range(4)]
    for first in range(len(images)):
        for second in range(first):
            found = agreement(images[first], images[second])
            assert found.correlation < 0.95 or found.difference > 0.2


def test_close_pairs_are_those_of_a_comparison_of_all_with_all(monkeypatch):
    monkeypatch.setattr(hashes, '_COLUMNS', 50)
    generator = np.random.default_rng(3)
    table = generator.integers(0, 2**63, (200, hashes.BOXES), dtype=np.uint64)
    table[150, 0] = table[7, 3] ^ np.uint64(0b1011)
    table[199, 0] = table[150, 0] ^ np.uint64(0b1)
    expected = {
        (min(first, second), max(first, second))
        for first in range(200)
        for second in range(200)
        if first != second
        and np.bitwise_count(table[first] ^ table[second, 0]).min() <= hashes._DISTANCE
    }
    found = hashes.close_pairs(table)
    assert {(7, 150), (7, 199), (150, 199)} <= expected
    assert {tuple(pair[:2]) for pair in found.tolist() if not pair[2]} == expected


def test_with_many_pictures_only_whole_ones_are_compared(monkeypatch):
    monkeypatch.setattr(hashes, 'MANY', 2)
    table = np.array([[0b0], [0b1111], [2**40 - 1]], np.uint64)
    assert hashes.close_pairs(table).tolist() == [[0, 1, 0]]


def test_the_memory_of_a_million_equal_hashes_is_bounded(monkeypatch):
    monkeypatch.setattr(hashes, '_COLUMNS', 100)
    table = np.zeros((300, hashes.BOXES), np.uint64)
    assert len(hashes.close_pairs(table)) <= 2 * 300 * hashes.NEAREST


def test_rows_of_the_table_fit_a_million_records_into_64_megabytes():
    assert measures.RECORD.itemsize <= 64
