"""Every flag of every program stands on the page that the program's --help sends to."""

import re

import pytest

from support.shell import programs

PAGES = {
    'classify_image.py': 'classifying.md',
    'download_and_convert_data.py': 'datasets.md',
    'eval_image_classifier.py': 'evaluation.md',
    'export_inference_graph.py': 'exporting.md',
    'freeze_graph.py': 'exporting.md',
    'server.py': 'serving.md',
    'train_image_classifier.py': 'training.md',
}


def missing(flags, page):
    """List the flags that a page does not write as they are typed."""
    return [flag for flag in flags if not re.search(rf'--(?:no|\[no\])?{flag}\b', page)]


def test_every_program_has_a_page():
    assert sorted(PAGES) == programs.NAMES


@pytest.mark.parametrize('program', programs.NAMES)
def test_every_flag_stands_on_the_programs_page(program):
    text, _ = programs.helped(program, '--help')
    assert f'docs/{PAGES[program]}' in text
    page = (programs.ROOT / 'docs' / PAGES[program]).read_text(encoding='utf-8')
    groups = programs.flags_by_heading(program)
    assert sum(map(len, groups.values())) >= 15
    absent = {heading: missing(flags, page) for heading, flags in groups.items()}
    assert {heading: flags for heading, flags in absent.items() if flags} == {}


def test_the_headings_of_the_trainer_are_those_of_its_page():
    page = (programs.ROOT / 'docs' / 'training.md').read_text(encoding='utf-8')
    headings = re.findall(r'^## (.+)$', page, re.MULTILINE)
    renamed = {
        'Optimizer': 'Optimizer and loss',
        'Loss and regularization': 'Optimizer and loss',
        'Checkpoints, logs and summaries': 'Checkpoints, logs and TensorBoard',
        'Devices and input': 'Several devices',
    }
    for group in programs.flags_by_heading('train_image_classifier.py'):
        assert renamed.get(group, group) in headings


def test_a_flag_that_is_named_only_within_another_is_missing():
    assert missing(['momentum'], 'see `--rmsprop_momentum` and `--momentum_too`') == ['momentum']
    assert missing(['debug', 'momentum'], 'see `--nodebug`, `--momentum=0.9`') == []
