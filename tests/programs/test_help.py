"""--help of every program: the common flags first, all by purpose, at once, in any window."""

import re

import pytest

from support.shell import programs

OLDER = 'Names of older tools'


@pytest.fixture(params=programs.NAMES)
def program(request):
    return request.param


def test_every_program_is_asked():
    assert len(programs.NAMES) >= 7


def test_help_begins_with_examples_and_the_flags_that_most_people_need(program):
    text, _ = programs.helped(program, '--help')
    assert f'\npython {program} --' in text
    first, *others = programs.sections(text)
    assert first == 'Most used'
    assert others
    assert len(text.splitlines()) < 80
    assert 'Flags of' not in text


def test_help_names_each_flag_once_and_older_names_not_at_all(program):
    text, _ = programs.helped(program, '--help')
    below = text[text.index('Most used:') :].rpartition('--helpfull explains')[0]
    # Explanations, beside and below, may name other flags.
    below = re.sub(r'(?m)^ {20,}.*$|(?<=[\w\]])   *\S.*$', '', below)
    groups = programs.flags_by_heading(program)
    for heading, names in groups.items():
        for name in names:
            found = len(re.findall(rf'--(?:\[no\])?{name}\b', below))
            assert found == (heading != OLDER), f'--{name}'


def test_help_needs_nothing_that_is_slow_to_import(program):
    _, imported = programs.helped(program, '--help')
    assert 'absl.flags' in imported
    assert imported.isdisjoint({'tensorflow', 'numpy', 'PIL', 'flask', 'tf_slim'})


def test_the_page_that_help_sends_to_is_there(program):
    text, _ = programs.helped(program, '--help')
    page = re.search(r'--helpfull explains every flag; see also (\S+)\.$', text.strip())[1]
    assert (programs.ROOT / page).is_file()


def test_every_flag_is_explained_below_a_heading_of_ours(program):
    text, _ = programs.helped(program, '--helpfull')
    *_, last = programs.sections(text)
    assert last == 'Flags of the absl library'
    for heading, part in programs.sections(text).items():
        for entry in re.split(r'(?m)^  (?=--)', part)[1:]:
            assert len(entry.split()) > 2, f'{heading}: {entry!r} is not explained'


@pytest.mark.parametrize('columns', [50, 80])
def test_lines_fit_into_the_window(columns):
    for how in ('--help', '--helpfull'):
        text, _ = programs.helped('train_image_classifier.py', how, columns)
        flags = text[text.index('\n\n', text.index('--trainable_scopes=')) :]
        assert max(len(line) for line in flags.splitlines()) <= columns
