"""The page that a program's --help names lists all of its flags, as its options declare them."""

import importlib.util

import pytest

from support.shell import programs


def _generator():
    path = programs.ROOT / 'docs' / 'generators' / 'flag_lists.py'
    spec = importlib.util.spec_from_file_location('flag_lists', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


flag_lists = _generator()
PAGES = flag_lists.programs_by_page()


def test_every_program_has_options_and_a_page():
    found = [program for programs_of_page in PAGES.values() for program in programs_of_page]
    assert sorted(found) == programs.NAMES


@pytest.mark.parametrize('program', programs.NAMES)
def test_a_program_is_its_docstring_its_options_and_one_call(program):
    lines = (programs.ROOT / program).read_text(encoding='utf-8').splitlines()
    assert len(lines) <= 30


@pytest.mark.parametrize('page', PAGES)
def test_the_list_of_flags_on_a_page_is_up_to_date(page):
    text = (programs.ROOT / page).read_text(encoding='utf-8')
    assert text == flag_lists.updated(text, PAGES[page]), (
        'run: python docs/generators/flag_lists.py'
    )
    for program, options in PAGES[page].items():
        names = {name for group in programs.flags_by_heading(program).values() for name in group}
        assert len(names) >= 10  # The flags were found.
        assert {name for name in names if f'{name}`' not in text} == set()
        assert set(options.most_used) < names


def test_a_list_is_put_at_the_end_once_and_what_follows_it_stays():
    some = PAGES['docs/evaluation.md']
    first = flag_lists.updated('# Page\n\nText.\n', some)
    assert first.startswith('# Page\n\nText.\n\n<!-- ')
    assert first.endswith(' -->\n')
    assert flag_lists.updated(first, some) == first
    assert flag_lists.updated(first + 'More.\n', some) == first + 'More.\n'
    assert first.count('## All flags') == 1
    assert '| `--batch_size` | `100` | a whole number, at least 1 | ' in first
    assert '| `--data_dir` | The same as --dataset_dir. |' in first
