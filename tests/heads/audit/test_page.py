"""The page about an audit: complete by itself, bounded, and safe whatever the files are called."""

import html.parser
import re

import numpy as np
import pytest

from heads.audit import collection, findings
from heads.audit.collection import Picture
from heads.audit.findings import Finding
from heads.audit.page import page
from support.files import records

EVIL = '<script>alert(1)</script>"\x1b[2J.png'
VOID = ('meta', 'img')


class Tags(html.parser.HTMLParser):
    """Note all tags with their attributes, and which stay open."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def data(tmp_path):
    names = [EVIL, '2.png', 'bad.png']
    pictures = [records.encoded(records.picture(seed), 'png') for seed in range(2)] + [b'bad']
    examples = [records.example(each, 0, name) for each, name in zip(pictures, names, strict=True)]
    records.write(tmp_path / 'pets_train_00000-of-00001.tfrecord', examples)
    (tmp_path / 'labels.txt').write_text('0:<b>ant\n1:bee\n')
    return collection.open_collection(str(tmp_path), 'pets')


def written(data, tmp_path, found, most=5, left_out=()):
    path = tmp_path / 'audit.html'
    counted = np.array([[3], [0]])
    page.write(path, data, found, counted, most, left_out, ['a <note>'])
    return path.read_text(encoding='utf-8')


def pair(data):
    crosses = 'splits and classes'
    first, second = data.picture(0), data.picture(1)
    return Finding('near_duplicate', first, 0.97, 'correlation', second, crosses, '<i>')


def test_names_are_escaped_and_tags_are_closed(data, tmp_path):
    text = written(data, tmp_path, [pair(data)])
    tags = Tags(text)
    assert tags.open == []
    assert {'script', 'b' * 9, 'i'}.isdisjoint(tag for tag, _ in tags.found)
    assert '\x1b' not in text
    assert '&lt;script&gt;alert(1)' in text
    assert '&lt;b&gt;ant' in text


def test_the_page_needs_no_other_file(data, tmp_path):
    text = written(data, tmp_path, [pair(data)])
    tags = Tags(text).found
    images = [attributes['src'] for tag, attributes in tags if tag == 'img']
    assert len(images) == 2
    assert all(address.startswith('data:image/webp;base64,') for address in images)
    assert all(attributes['href'][0] == '#' for tag, attributes in tags if tag == 'a')
    assert not {'link', 'script'} & {tag for tag, _ in tags}
    assert 'url(' not in text
    assert "default-src 'none'" in text


def test_links_lead_to_sections_and_counts_are_those_of_all_findings(data, tmp_path):
    found = [pair(data)] * 8
    text = written(data, tmp_path, found, most=5, left_out=('outlier',))
    tags = Tags(text).found
    ids = {attributes['id'] for tag, attributes in tags if tag == 'section'}
    assert ids == set(findings.KINDS)
    assert {attributes['href'][1:] for tag, attributes in tags if tag == 'a'} - {''} == ids
    assert '8 (8 across classes, 8 across splits)' in text
    assert '3 more are in' in text
    assert len(re.findall('<li class="pair">', text)) == 5
    assert 'not checked' in text


def test_pictures_that_cannot_be_shown_have_a_place(data, tmp_path):
    bad = Finding('damaged', data.picture(2), 1.0, 'damaged')
    left_out = Finding('exact_duplicate', Picture(None, 'x.jpg', 'left out', 'ant'), 1.0, 'copy')
    text = written(data, tmp_path, [bad, left_out])
    assert text.count('no picture') == 2


def test_a_page_without_findings_says_so(data, tmp_path):
    text = written(data, tmp_path, [])
    assert text.count('<span>none</span>') == 2 * len(findings.KINDS)
    assert '<img' not in text
    assert '<th scope="row">bee</th>' in text
