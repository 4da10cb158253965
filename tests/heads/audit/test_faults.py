"""Dark, blurred, tiny and empty pictures are found, whatever the pictures show; others pass."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from datasets.samples import painters
from heads.audit import faults, measures
from pictures.kinds import BadImage


def drawn(seed=1):
    return Image.open(io.BytesIO(painters.draw_flower('daisy', f'audit/{seed}'))).convert('RGB')


def encoded(image, kind='PNG', **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def rows_of(*images):
    return np.array([measures.measure(encoded(image), 0)[0] for image in images], measures.RECORD)


def kinds(*images):
    return [(kind, place) for kind, place, _, _ in faults.find_faults(rows_of(*images))]


FAULTY = {
    'dark': lambda image: ImageEnhance.Brightness(image).enhance(0.15),
    'blurred': lambda image: image.filter(ImageFilter.GaussianBlur(6)),
    'tiny': lambda image: image.resize((20, 16)),
    'empty': lambda image: Image.new('RGB', image.size, '#d0d0e0'),
}


@pytest.mark.parametrize('kind', FAULTY)
def test_a_faulty_picture_among_others_is_found(kind):
    images = [drawn(seed) for seed in range(4)]
    assert kinds(*images) == []
    images[2] = FAULTY[kind](images[2])
    assert kinds(*images) == [(kind, 2)]


@pytest.mark.parametrize('kind', ['dark', 'blurred', 'tiny'])
def test_what_all_pictures_of_a_data_set_have_is_no_fault(kind):
    assert kinds(*(FAULTY[kind](drawn(seed)) for seed in range(4))) == []


def test_a_picture_without_edges_is_not_blurred_and_one_pixel_can_be_measured():
    (row,) = rows_of(Image.new('RGB', (1, 1), 'red'))
    assert row['sharpness'] == 1
    assert (row['width'], row['height'], row['content']) == (1, 1, 0)


def test_a_large_jpeg_has_its_own_size_and_about_the_same_figures():
    image = drawn().resize((1200, 900))
    small, large = (
        np.array(measures.measure(data, 0)[0], measures.RECORD)
        for data in (encoded(image.resize((256, 192))), encoded(image, 'JPEG', quality=95))
    )
    assert (large['width'], large['height']) == (1200, 900)
    for name in ('brightness', 'highlights', 'contrast'):
        assert abs(float(small[name] - large[name])) < 5


def test_a_damaged_picture_raises_an_error():
    with pytest.raises(BadImage):
        measures.measure(encoded(drawn())[:-40], 0)
