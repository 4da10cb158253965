"""The page tells its title, the classes it knows, and how programs use the server."""

import html
import json
import re
import shutil
import subprocess
import sys

import pytest

from common.errors import UserError
from serving.web.page import page_content
from serving.web.server_options import AppConfig
from support.network import live_servers
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.pages import JPEG, client


@pytest.mark.parametrize(
    ('title', 'shown'), [('', 'flowers'), ('Herbarium & <b>', 'Herbarium &amp; &lt;b&gt;')]
)
def test_the_page_has_a_title_of_its_own(title, shown):
    text = client(name='flowers', title=title).get('/').text
    assert f'<span>{shown}</span>' in text
    heading = re.search('<title>(.*)</title>', text)[1]
    assert heading == (shown if title else 'What is in this picture? · flowers')


@pytest.mark.parametrize('title', ['two\nlines', 'bell\a', 'not UTF-8 \udcff', 'x' * 201])
def test_a_title_that_no_page_can_have_is_refused(title):
    with pytest.raises(UserError, match=r'^--title=.*: must be one line of UTF-8 text'):
        AppConfig(title=title)
    assert AppConfig(title='제목 · 标题\u3000é').title


def classes(text):
    """Return (attributes of the list's place, names in the list) of a page."""
    found = re.search(r'<details id="known"([^>]*)>(.*?)</details>', text, re.DOTALL)
    return found[1], re.findall(r'<li>(.*?)</li>', found[2])


def test_the_page_lists_the_classes_it_knows_folded_where_they_are_many():
    few = client().get('/').text
    place, names = classes(few)
    assert names == ['daisy', 'roses', '&lt;b&gt;tulips&lt;/b&gt;']
    assert ' open' in place
    many = FakeHolder(FakePredictor(labels=[f'class {number}' for number in range(1000)]))
    place, names = classes(client(many).get('/').text)
    assert (len(names), names[-1]) == (1000, 'class 999')
    assert ' open' not in place
    most = FakeHolder(FakePredictor(labels=['name'] * 21_000))
    _, names = classes(client(most).get('/').text)
    assert names[-1] == 'and 19000 more (GET /api/model lists all)'
    assert len(names) == 2001


def test_classes_that_are_not_known_yet_are_not_listed():
    place, names = classes(client(FakeHolder(is_ready=False)).get('/').text)
    assert ' hidden' in place
    assert names == []


def examples(text):
    """Return the text of each example for programs."""
    return [
        html.unescape(re.sub('<[^>]+>', '', example))
        for example in re.findall('<code>(.*?)</code>', text, re.DOTALL)
    ]


def test_the_examples_have_the_servers_address_and_no_key_where_none_is_needed():
    text = (
        client(trusted_hosts=('classify.example.org',))
        .get('/', headers={'Host': 'classify.example.org:81'})
        .text
    )
    for example in examples(text):
        assert '"http://classify.example.org:81/api/classify"' in example
        assert 'YOUR_KEY' not in example
    assert len(examples(text)) == 2
    assert 'href="api/openapi.json"' in text


@pytest.mark.parametrize(
    ('peer', 'headers', 'address'),
    [
        ('10.0.0.9', {'Host': 'a.example'}, 'http://a.example'),
        ('10.0.0.9', {'Host': '[::1]:5001'}, 'http://[::1]:5001'),
        ('10.0.0.9', {'Host': 'a"; rm -rf ~; "'}, 'http://localhost'),
        ('10.0.0.9', {'Host': 'a.example\n'}, 'http://localhost'),
        ('10.0.0.9', {}, 'http://localhost'),
        ('10.0.0.9', {'Host': 'a', 'X-Forwarded-Proto': 'https'}, 'http://a'),
        ('10.0.0.1', {'Host': 'a', 'X-Forwarded-Proto': 'https'}, 'https://a'),
        ('10.0.0.1', {'Host': 'a', 'X-Forwarded-Host': 'b.example'}, 'http://b.example'),
    ],
)
def test_the_address_in_the_examples_is_the_visitors(peer, headers, address):
    assert page_content.api_address(headers, peer, '10.0.0.1') == f'{address}/api/classify'


@pytest.mark.parametrize('keys', [(), ('0123456789abcdef',)])
def test_the_python_example_runs(tmp_path, keys):
    (tmp_path / 'picture.jpg').write_bytes(JPEG)
    with live_servers.running(config=AppConfig(api_keys=keys)) as live:
        status, body = live.ask(path='/')
        assert status == 200
        _, example = examples(body.decode())
        for key in keys:
            example = example.replace('YOUR_KEY', key)
        shown = subprocess.run(
            [sys.executable, '-c', example], cwd=tmp_path, capture_output=True, check=True
        )
    assert shown.stdout.decode().split() == [
        '44.4%',
        '<b>tulips</b>',
        '33.3%',
        'roses',
        '22.2%',
        'daisy',
    ]


@pytest.mark.skipif(not shutil.which('curl'), reason='not installed: curl')
@pytest.mark.parametrize('keys', [(), ('0123456789abcdef',)])
def test_the_curl_example_runs(tmp_path, keys):
    (tmp_path / 'picture.jpg').write_bytes(JPEG)
    with live_servers.running(config=AppConfig(api_keys=keys)) as live:
        example, _ = examples(live.ask(path='/')[1].decode())
        for key in keys:
            example = example.replace('YOUR_KEY', key)
        shown = subprocess.run(
            ['sh', '-ec', example], cwd=tmp_path, capture_output=True, check=True
        )
    as_json, as_csv = shown.stdout.decode().split('}\n')
    assert json.loads(f'{as_json}}}')['results'][0]['name'] == 'picture.jpg'
    assert as_csv.startswith('file,error,class_1,')
