"""Results as CSV: from the API, and on the page."""

import base64
import csv
import io
import re

import pytest

from serving.web.page import translations
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.pages import JPEG, client, post

NAMES = ('=cmd()', 'a,"b"', '데이지')


def rows(table):
    return list(csv.reader(io.StringIO(table)))


def named():
    return FakeHolder(FakePredictor(labels=NAMES))


def ask(query='', accept=None, files=((JPEG, '=1.jpg'), (b'text', 'notes.txt'))):
    data = {'pictures': [(io.BytesIO(data), name) for data, name in files]}
    headers = {'Accept': accept} if accept else {}
    return client(named()).post(f'/api/classify{query}', data=data, headers=headers)


@pytest.mark.parametrize(
    ('query', 'accept'),
    [
        ('?format=csv', None),
        ('?format=csv', 'application/json'),
        ('', 'text/csv'),
        ('', 'text/csv, application/json;q=0.5'),
    ],
)
def test_the_api_answers_as_csv(query, accept):
    answer = ask(query, accept)
    assert (answer.status_code, answer.content_type) == (200, 'text/csv; charset=utf-8')
    assert answer.text.startswith('file,error,class_1,probability_1,class_2,')
    _, picture, refused = rows(answer.text)
    assert_safe(picture)
    assert refused[0] == 'notes.txt'
    assert 'not a picture' in refused[1]
    assert refused[2:] == [''] * 6


def assert_safe(row):
    """Check the row of a picture whose names a spreadsheet could run."""
    assert [row[0], row[1], *row[2::2]] == ['./=1.jpg', '', '데이지', 'a,"b"', "'=cmd()"]
    assert [float(cell) for cell in row[3::2]] == pytest.approx([4 / 9, 3 / 9, 2 / 9])


@pytest.mark.parametrize(
    ('query', 'accept'),
    [('', None), ('', '*/*'), ('?format=json', 'text/csv'), ('', 'text/html'), ('', 'text/*;q=0')],
)
def test_whoever_does_not_ask_for_csv_gets_json(query, accept):
    answer = ask(query, accept)
    assert (answer.status_code, answer.mimetype) == (200, 'application/json')


def test_top_says_how_many_classes_a_row_has():
    assert [len(row) for row in rows(ask('?format=csv&top=2').text)] == [6, 6, 6]


@pytest.mark.parametrize('query', ['?format=xml', '?format=', '?format=CSV'])
def test_another_format_is_refused(query):
    answer = ask(query)
    assert answer.status_code == 400
    assert answer.json['error']['message'] == 'format: must be json or csv'


def test_a_refusal_is_json():
    answer = ask('?format=csv', files=((b'text', 'notes.txt'),))
    assert answer.status_code == 415
    assert answer.json['error']['kind'] == 'kind'


def test_the_description_names_both_forms():
    described = client().get('/api/openapi.json').json['paths']['/api/classify']['post']
    assert list(described['responses']['200']['content']) == ['application/json', 'text/csv']
    asked = {each['name']: each['schema'] for each in described['parameters']}
    assert asked['format']['enum'] == ['json', 'csv']


def test_the_page_offers_its_results_as_csv():
    text = post(client(named()), (JPEG, '=1.jpg'), (b'text', 'notes.txt')).text
    link = re.search(r'<a [^>]*id="csv"[^>]*>', text)[0]
    kind, _, encoded = re.search('href="data:([^"]*)"', link)[1].partition(';base64,')
    assert kind == 'text/csv;charset=utf-8'
    table = base64.b64decode(encoded).decode('utf-8')
    assert table.startswith('\ufefffile,error,class_1,probability_1,')  # Excel needs the mark.
    _, picture, refused = rows(table)
    assert_safe(picture)
    assert refused == ['notes.txt', translations.sentences('en')['error_kind'], *[''] * 6]


def test_there_is_no_csv_of_nothing():
    for text in (client().get('/').text, post(client(), (b'text', 'notes.txt')).text):
        assert re.search(r'<a [^>]*id="csv"[^>]* hidden>', text)
