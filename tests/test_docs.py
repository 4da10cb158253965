"""The links, files, headings and functions that the documentation names exist."""

import ast
import re

import pytest

from support.checkout import ROOT

PAGES = sorted((ROOT / 'docs').glob('*.md')) + sorted(ROOT.glob('*.md'))
ROOMS = '|'.join(sorted(path.parent.name for path in ROOT.glob('*/__init__.py')))
_FENCE = re.compile(r'^ *```.*?^ *```', re.MULTILINE | re.DOTALL)


def anchor(heading):
    """Return the anchor of a heading."""
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def broken_links(page):
    text = _FENCE.sub('', page.read_text(encoding='utf-8'))
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        path, _, heading = target.partition('#')
        if re.match(r'[a-z]+:', target):
            continue
        linked = page.parent / path if path else page
        if not linked.exists():
            yield target
        elif heading and linked.suffix == '.md':
            headings = re.findall(r'^#+ (.+)$', linked.read_text(encoding='utf-8'), re.MULTILINE)
            if heading not in map(anchor, headings):
                yield target


def missing_files(page):
    text = page.read_text(encoding='utf-8')
    pattern = rf'\b(?:{ROOMS}|scripts|tests|benchmarks|docs)/[\w/.-]*\w\.(?:py|sh|md|ipynb|json)\b'
    for name in re.findall(pattern, text):
        if not (ROOT / name).exists():
            yield name


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_and_files_of_a_page_exist(page):
    assert list(broken_links(page)) == []
    assert list(missing_files(page)) == []


def test_a_broken_link_and_a_missing_file_are_found(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('# Here\n[a](#here) [b](#there) [c](no.md) see `training/absent.py`\n')
    assert list(broken_links(page)) == ['#there', 'no.md']
    assert list(missing_files(page)) == ['training/absent.py']


def test_the_tables_named_in_the_architecture_page_exist():
    page = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    places = {
        'RECIPES': 'preprocessing/recipe_names.py',
        'datasets_map': 'datasets/dataset_factory.py',
        '_WRITERS': 'serving/export/formats.py',
    }
    for name, path in places.items():
        assert f'`{name}`' in page
        tree = ast.parse((ROOT / path).read_text(encoding='utf-8'))
        assert name in {
            getattr(target, 'id', None) or getattr(target, 'name', None)
            for node in tree.body
            for target in getattr(node, 'targets', [node])
        }


def test_the_architecture_page_lists_every_package():
    page = (ROOT / 'docs' / 'architecture.md').read_text(encoding='utf-8')
    listed = set(re.findall(r'^\| `(\w+)` \|', page, re.MULTILINE))
    assert listed == {path.parent.name for path in ROOT.glob('*/__init__.py')}
