"""Names from anywhere do no harm where they are shown."""

import pytest

from common import text


@pytest.mark.parametrize(
    ('name', 'shown'),
    [
        ('daisy 데이지.jpg', 'daisy 데이지.jpg'),
        ('a\nb\tc', r'a\nb\tc'),
        ('\x1b]0;title\x07', r'\x1b]0;title\x07'),
        ('caf\udce9', r'caf\xe9'),
        ('\u202egpj', r'\u202egpj'),
    ],
)
def test_a_printable_name_stays_on_its_line(name, shown):
    assert text.printable(name) == shown


def test_an_excerpt_is_cut_and_has_whole_characters():
    assert text.excerpt('a\ud800\nbcd', 4) == r'a?\nb'


def test_wide_letters_and_accents_are_measured():
    assert [text.columns(name) for name in ('abc', '데이지', '雏菊', 'e\u0301')] == [3, 6, 4, 1]
    assert text.padded('데이', 6) == '데이  '
    assert text.padded('too long', 3) == 'too long'


@pytest.mark.parametrize('start', '=+-@\t\r\n')
def test_a_cell_is_no_formula(start):
    assert text.cell(f'{start}1') == f"'{start}1"
    assert text.path_cell(f'{start}1') == f'./{start}1'


def test_other_cells_stay_as_they_are():
    assert text.cell('a=b') == text.path_cell('a=b') == 'a=b'
    assert text.cell('') == ''


def test_names_with_commas_are_quoted_in_lists():
    assert (
        text.listed(['daisy', 'crane, bird', ' padded', ''])
        == "daisy, 'crane, bird', ' padded', ''"
    )
