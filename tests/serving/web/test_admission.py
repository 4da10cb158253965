"""A request is admitted by its headers: limits, refusals and bodies that need not be sent."""

import io
import json
import logging

import pytest

from serving.web import admission, server_options
from serving.web.app import create_app
from serving.web.refusals import Refusal
from serving.web.server_options import AppConfig
from support.files import pictures
from support.network.fake_models import LABELS, FakeHolder
from support.network.live_servers import answer_of, head, running, sent

JPEG = pictures.jpegs()['baseline.jpg'].data
KEY = 'a key of many letters'
WITH_KEY = {'Authorization': f'Bearer {KEY}'}


def client(**config):
    return create_app(FakeHolder(), AppConfig(name='my_lenet', **config)).test_client()


@pytest.mark.parametrize(
    ('path', 'headers'),
    [
        ('/', {}),
        ('/nowhere', {}),
        ('/static/nowhere', {}),
        ('/metrics', WITH_KEY),
        ('/api/model', {'X-API-Key': 'wrong'}),
        ('/api/openapi.json', {}),
    ],
)
def test_every_request_counts_in_the_rate_limit(path, headers):
    browser = client(rate_limit=2, api_keys=(KEY,))
    statuses = [browser.get(path, headers=headers).status_code for _ in range(3)]
    assert 429 not in statuses[:2]
    assert statuses[2] == 429


@pytest.mark.parametrize('path', ['/healthz', '/readyz', '/static/page.css'])
def test_health_and_the_pages_files_do_not_count(path):
    browser = client(rate_limit=1)
    assert [browser.get(path, buffered=True).status_code for _ in range(3)] == [200] * 3


@pytest.mark.parametrize('path', ['/', '/api/openapi.json', '/readyz', '/nowhere', '/v1/models/x'])
def test_without_a_key_nothing_tells_of_the_model(path):
    browser = client(api_keys=(KEY,))
    text = browser.get(path).text
    for secret in ('lenet', 'version 1', 'Version 1', 'roses', f'{len(LABELS)} classes'):
        assert secret not in text
    assert 'lenet' in browser.get('/', headers=WITH_KEY).text
    assert '/v1/models/my_lenet' in browser.get('/api/openapi.json', headers=WITH_KEY).text
    sent = {'key': KEY, 'pictures': (io.BytesIO(JPEG), 'a.jpg')}
    assert 'lenet' in browser.post('/', data=sent).text


def test_without_keys_the_page_tells_of_the_model():
    assert 'lenet' in client().get('/').text


@pytest.mark.parametrize(('mode', 'is_named'), [(0o600, False), (0o644, True), (0o640, True)])
def test_a_key_file_that_others_may_read_is_named(tmp_path, caplog, mode, is_named):
    path = tmp_path / 'my keys'
    path.write_text(KEY)
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        assert server_options.read_keys(path) == (KEY,)
    assert (f"run chmod 600 '{path}'" in caplog.text) == is_named


@pytest.fixture(scope='module')
def live():
    with running(config=AppConfig(api_keys=(KEY,))) as server:
        yield server


def refused(live, *parts):
    """Send a part of a request, and return the answer to it and whether the connection ended."""
    with live.connect() as connection:
        for part in parts:
            connection.sendall(part)
        answer = answer_of(connection)
        return answer, answer_of(connection) is None


BODIES = {
    'announced': b'Content-Length: 9000000',
    'chunked': b'Transfer-Encoding: chunked',
    'expected': b'Expect: 100-continue\r\nContent-Length: 9000000',
}


@pytest.mark.parametrize('body', BODIES)
@pytest.mark.parametrize('path', ['/api/classify', '/v1/models/model:predict', '/nowhere'])
def test_a_body_need_not_come_before_its_401(live, body, path):
    start = head(BODIES[body].decode() + '\r\nX-API-Key: wrong\r\n', path)
    (status, headers, content), has_ended = refused(live, start)
    assert (status, headers['Connection'], has_ended) == (401, 'close', True)
    assert headers['WWW-Authenticate'] == 'Bearer'
    problem = json.loads(content)['error']
    assert 'a valid API key' in (problem if path.startswith('/v1') else problem['message'])


def test_a_foreign_page_is_refused_before_its_body(live):
    start = head('Content-Length: 9000000\r\nOrigin: http://evil.example\r\n')
    assert refused(live, start)[0][0] == 403


def test_what_follows_a_refusal_is_no_request(live):
    before = live.metrics.text()
    second = b'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    start = head(f'Content-Length: {len(second) + 100}\r\n')
    (status, _, _), has_ended = refused(live, start + second)
    assert (status, has_ended) == (401, True)
    assert count(live.metrics.text(), 'ready') == count(before, 'ready')


def count(metrics, endpoint):
    lines = metrics.splitlines()
    return [line for line in lines if f'requests_total{{endpoint="{endpoint}"' in line]


def test_a_body_with_a_key_is_asked_for_and_taken(live):
    start = head(
        f'Expect: 100-continue\r\nContent-Length: {len(JPEG)}\r\nAuthorization: Bearer {KEY}\r\n'
    )
    with live.connect() as connection:
        connection.sendall(start)
        assert connection.recv(25) == b'HTTP/1.1 100 Continue\r\n\r\n'
        connection.sendall(JPEG)
        assert answer_of(connection)[0] == 200


def form(key, size):
    """Return the body of a form as browsers send it: the fields in their order, then a picture."""
    parts = [f'Content-Disposition: form-data; name="key"\r\n\r\n{key}\r\n--x\r\n'.encode()]
    name = b'Content-Disposition: form-data; name="pictures"; filename="a.jpg"'
    parts.append(name + b'\r\nContent-Type: image/jpeg\r\n\r\n' + JPEG + bytes(size))
    return b'--x\r\n' + b''.join(parts) + b'\r\n--x--\r\n'


def form_head(body):
    kind = 'Content-Type: multipart/form-data; boundary=x\r\n'
    return head(f'{kind}Content-Length: {len(body)}\r\n', '/')


def test_a_form_begins_with_the_key(live):
    text = client(api_keys=(KEY,)).get('/').text
    assert 0 < text.index('name="key"') < text.index('name="pictures"')
    whole = form(KEY, 200_000)
    status, _, content = sent(live, form_head(whole), whole)
    assert status == 200
    assert b'tulips' in content


@pytest.mark.parametrize('key', ['wrong', '', KEY[:-1]])
def test_a_form_without_a_valid_key_need_not_come_whole(live, key):
    whole = form(key, 200_000)
    start = whole[: admission.FORM_START_BYTES + 100]
    (status, headers, content), has_ended = refused(live, form_head(whole), start)
    assert (status, has_ended) == (401, True)
    assert headers['Content-Type'].startswith('text/html')
    assert b'A valid API key is required' in content


@pytest.mark.parametrize(
    'start',
    [
        b'',
        b'--x\r\nContent-Disposition: form-data; name="pictures"\r\n\r\n' + KEY.encode() + b'\r\n',
        b'--x\r\nContent-Disposition: form-data; name="key"; filename="key"\r\n\r\n' + KEY.encode(),
        b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n\xff\xfe\r\n',
    ],
)
def test_only_the_field_of_the_key_is_a_key(start):
    guard = admission.Guard(AppConfig(api_keys=(KEY,)))
    with pytest.raises(Refusal):
        guard.check_form_start(start)
