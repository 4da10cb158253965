"""Plots that can be read: of two classes and of a thousand, in any letters."""

import numpy as np
import pytest
from PIL import Image

from training.evaluation import fonts, plots

ENGLISH = ('daisy', 'rose')


def matrix(classes, mistakes=1):
    """Return a confusion matrix with some of each class taken for the next."""
    confusion = 9 * np.eye(classes, dtype=np.int64)
    return confusion + mistakes * np.roll(np.eye(classes, dtype=np.int64), 1, axis=1)


def drawn(classes, **options):
    names = [f'class {label}' for label in range(classes)]
    return plots.confusion_matrix(
        matrix(classes, **options), fonts.choose_font(names, range(classes)), 'a title'
    )


def colours(picture):
    """Count the pixels of clearly blue and clearly red fields."""
    red, green, blue = np.moveaxis(np.asarray(picture).astype(int), -1, 0)
    return int((blue - red > 60).sum()), int((red - blue > 15).sum() + 0 * green.sum())


@pytest.mark.parametrize('classes', [1, 2, 5, 40, 90, 100, 300, 1000])
def test_a_matrix_of_any_size_shows_its_diagonal_and_its_mistakes(classes):
    picture = drawn(classes)
    assert 150 < picture.width < 2300
    assert 150 < picture.height < 2300
    blue, red = colours(picture)
    assert blue >= 3 * classes
    assert (red >= 2 * classes) == (classes > 1)


def test_no_examples_is_an_empty_matrix():
    picture = plots.confusion_matrix(np.zeros([2, 2], int), fonts.choose_font(ENGLISH, (0, 1)), 't')
    assert colours(picture) == (0, 0)


def test_a_title_or_name_of_any_length_stays_inside():
    names = ['a' * 500, 'b']
    picture = plots.confusion_matrix(matrix(2), fonts.choose_font(names, (0, 1)), 'title ' * 30)
    edge = np.asarray(picture)[:, -5:]
    assert (edge == 255).all(), 'the margin is empty'
    font = fonts.choose_font(names, (0, 1)).font(14)
    short = plots.shortened('a' * 500, font, 100)
    assert short.endswith('...')
    assert font.getlength(short) <= 100
    assert plots.shortened('rose', font, 100) == 'rose'


@pytest.mark.parametrize('count', [1, 5, 24])
def test_a_sheet_of_mistakes_takes_pictures_of_every_shape(count):
    shapes = [(1, 300), (300, 1), (20, 30), (400, 400)]
    tiles = [
        (Image.new('L', shapes[number % 4], 10 * number), number % 2, 1 - number % 2, 0.5)
        for number in range(count)
    ]
    sheet = plots.mistakes_sheet(tiles, fonts.choose_font(ENGLISH, (0, 1)), 'title')
    assert sheet.width > 150
    assert sheet.height > 200 * -(-count // 6)


def test_english_names_need_no_font_of_the_system():
    chosen = fonts.choose_font(ENGLISH, (0, 1), directories=['/nowhere'])
    assert (chosen.path, chosen.names, chosen.numbered) == (None, list(ENGLISH), 0)


def test_names_that_no_font_can_write_become_labels():
    names = ['장미', '蒲公英', 'rose', 'Löwenzahn']
    chosen = fonts.choose_font(names, range(1, 5), directories=[])
    assert chosen.names == ['label 1', 'label 2', 'rose', 'Lowenzahn']
    assert chosen.numbered == 2
    picture = plots.confusion_matrix(matrix(4), chosen, 'title')
    english = plots.confusion_matrix(
        matrix(4), fonts.choose_font([*ENGLISH, 'x', 'y'], range(4)), 'title'
    )
    assert picture.height > english.height, 'a note says why there are labels'
    assert chosen.writable('장미', 'data set') == 'data set'
    assert chosen.writable('rose', 'data set') == 'rose'


def test_a_font_with_the_letters_is_found_among_others(tmp_path, monkeypatch):
    """Fonts are stood in for by what letters they have."""
    letters = {
        None: set('abcdefghijklmnopqrstuvwxyz'),
        'Latin.ttf': set('abcö'),
        'NanumGothic.ttf': set('장미rose0'),
        'broken.ttf': set(),
    }

    def covered(path, wanted):
        return wanted & letters[path and path.rsplit('/', 1)[-1]]

    for name in filter(None, letters):
        (tmp_path / name).write_bytes(b'')
    (tmp_path / 'readme.txt').write_bytes(b'')
    monkeypatch.setattr(fonts, '_covered', covered)
    chosen = fonts.choose_font(['장미', 'rose'], (0, 1), directories=[str(tmp_path)])
    assert chosen.path == str(tmp_path / 'NanumGothic.ttf')
    assert chosen.names == ['장미', 'rose']


def test_damaged_font_files_are_passed_over(tmp_path):
    (tmp_path / 'NotoSansCJK-Regular.ttc').write_bytes(b'no font at all')
    chosen = fonts.choose_font(['장미'], [3], directories=[str(tmp_path)])
    assert chosen.names == ['label 3']
