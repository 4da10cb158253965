"""Who may ask: hosts, origins, addresses, keys and rates."""

import pytest

from common.errors import UserError
from serving.web import admission, security
from serving.web.app import create_app
from serving.web.refusals import Refusal
from serving.web.server_options import AppConfig, ListenOptions, is_loopback, read_keys
from support.files import pictures
from support.network.fake_models import FakeHolder

JPEG = pictures.jpegs()['baseline.jpg'].data
KEY = 'a key of many letters'


def client(**config):
    return create_app(FakeHolder(), AppConfig(**config)).test_client()


def status(browser, method='GET', path='/', peer='127.0.0.1', **headers):
    sent = {name.replace('_', '-'): value for name, value in headers.items()}
    data = JPEG if method == 'POST' else None
    environ = {'REMOTE_ADDR': peer}
    answer = browser.open(
        path, method=method, headers=sent, data=data, environ_base=environ, buffered=True
    )
    return answer.status_code


@pytest.mark.parametrize('path', ['/', '/healthz', '/static/page.css', '/nowhere', '/api/classify'])
def test_every_answer_has_the_headers(path):
    answer = client().get(path, buffered=True)
    for name in security.HEADERS:
        assert name in answer.headers
    policy = answer.headers['Content-Security-Policy']
    assert "default-src 'none'" in policy
    assert 'unsafe' not in policy


@pytest.mark.parametrize(
    ('host', 'config', 'expected'),
    [
        ('localhost:5001', {}, 200),
        ('LOCALHOST', {}, 200),
        ('127.0.0.1:5001', {}, 200),
        ('[::1]:5001', {}, 200),
        ('[::1]', {}, 200),
        ('evil.example', {}, 403),
        ('localhost.evil.example', {}, 403),
        ('localhost:5001@evil.example', {}, 403),
        ('127.0.0.1.evil.example:5001', {}, 403),
        ('', {}, 403),
        ('me.example', {'trusted_hosts': ('me.example',)}, 200),
        ('ME.example:443', {'trusted_hosts': ('me.example',)}, 200),
        ('anything.example', {'is_loopback': False}, 200),
        ('anything.example', {'is_loopback': False, 'trusted_hosts': ('me.example',)}, 403),
        ('me.example', {'is_loopback': False, 'trusted_hosts': ('me.example',)}, 200),
    ],
)
def test_the_host_has_to_be_known(host, config, expected):
    assert status(client(**config), Host=host) == expected


@pytest.mark.parametrize(
    ('headers', 'expected'),
    [
        ({}, 200),
        ({'Origin': 'http://localhost:5001'}, 200),
        ({'Origin': 'http://evil.example'}, 403),
        ({'Origin': 'http://localhost:9999'}, 403),
        ({'Origin': 'http://localhost'}, 403),
        ({'Origin': 'http://localhost:5001.evil.example'}, 403),
        ({'Origin': 'http://evil@localhost:5001'}, 403),
        ({'Origin': 'null'}, 403),
        ({'Origin': ''}, 403),
        ({'Origin': 'http://['}, 403),
        ({'Sec_Fetch_Site': 'cross-site'}, 403),
        ({'Sec_Fetch_Site': 'same-site'}, 403),
        ({'Sec_Fetch_Site': 'same-origin'}, 200),
    ],
)
@pytest.mark.parametrize('path', ['/api/classify', '/v1/models/model:predict', '/'])
def test_a_post_from_another_origin_is_refused(path, headers, expected):
    found = status(client(), 'POST', path, Host='localhost:5001', **headers)
    assert (found == 403) == (expected == 403)


def test_the_default_port_may_be_left_out():
    same = {'Host': 'localhost', 'Origin': 'http://localhost:80'}
    assert status(client(), 'POST', '/api/classify', **same) == 200
    proxied = {'trusted_hosts': ('me.example',), 'trusted_proxy': '127.0.0.1'}
    origin = {'Host': 'localhost:5001', 'Origin': 'https://me.example'}
    assert status(client(**proxied), 'POST', '/api/classify', **origin) == 403
    origin['X_Forwarded_Host'] = 'me.example'
    assert status(client(**proxied), 'POST', '/api/classify', **origin) == 200
    assert status(client(), 'POST', '/api/classify', **origin) == 403


def test_no_other_site_may_read_answers():
    answer = client().options('/api/classify', headers={'Origin': 'http://evil.example'})
    assert not [name for name, _ in answer.headers if name.startswith('Access-Control')]


@pytest.mark.parametrize(
    ('peer', 'forwarded', 'proxy', 'expected'),
    [
        ('9.9.9.9', '1.1.1.1', '', '9.9.9.9'),
        ('9.9.9.9', '1.1.1.1', '127.0.0.1', '9.9.9.9'),
        ('127.0.0.1', '1.1.1.1', '127.0.0.1', '1.1.1.1'),
        ('127.0.0.1', '6.6.6.6, 1.1.1.1', '127.0.0.1', '1.1.1.1'),
        ('127.0.0.1', '1.1.1.1, 127.0.0.1', '127.0.0.1', '1.1.1.1'),
        ('::ffff:127.0.0.1', '1.1.1.1', '127.0.0.1', '1.1.1.1'),
        ('127.0.0.1', 'nonsense', '127.0.0.1', '127.0.0.1'),
        ('127.0.0.1', '', '127.0.0.1', '127.0.0.1'),
        ('127.0.0.1', None, '127.0.0.1', '127.0.0.1'),
        ('::1', '2001:db8::1', '::1', '2001:db8::1'),
    ],
)
def test_forwarded_addresses_count_only_from_the_proxy(peer, forwarded, proxy, expected):
    assert security.client_address(peer, forwarded, proxy) == expected


@pytest.mark.parametrize(
    ('headers', 'expected'),
    [
        ({}, 401),
        ({'Authorization': f'Bearer {KEY}'}, 200),
        ({'Authorization': f'bearer {KEY}'}, 200),
        ({'X_API_Key': KEY}, 200),
        ({'Authorization': f'Basic {KEY}'}, 401),
        ({'Authorization': 'Bearer'}, 401),
        ({'Authorization': f'Bearer {KEY}x'}, 401),
        ({'Authorization': 'Bearer \xff\xfe'}, 401),
        ({'X_API_Key': ''}, 401),
    ],
)
def test_keys_open_the_api(headers, expected):
    browser = client(api_keys=('another key of letters', KEY))
    assert status(browser, 'POST', '/api/classify', **headers) == expected
    assert status(browser, 'GET', '/api/model', **headers) == expected
    assert status(browser, 'GET', '/metrics', **headers) == expected


def test_without_a_key_there_is_still_a_page_and_health():
    browser = client(api_keys=(KEY,))
    for path in ('/', '/healthz', '/readyz', '/static/page.js', '/api/openapi.json'):
        assert status(browser, path=path) == 200
    answer = browser.post('/api/classify', data=JPEG)
    assert answer.headers['WWW-Authenticate'] == 'Bearer'


def test_key_files_are_checked(tmp_path):
    path = tmp_path / 'keys'
    path.write_text(f'# ours\n\n {KEY} \n')
    assert read_keys(path) == (KEY,)
    refused = (
        ('# none\n', 'contains no key'),
        ('short\n', 'at least 16'),
        (f'{KEY}\n열쇠열쇠열쇠열쇠열쇠열쇠열쇠열쇠\n', 'ASCII'),
    )
    path.write_text(f'\ufeff{KEY}\r\n')
    assert read_keys(path) == (KEY,)
    for text, words in refused:
        path.write_text(text)
        with pytest.raises(UserError, match=words):
            read_keys(path)
    with pytest.raises(UserError, match='No such file'):
        read_keys(tmp_path / 'missing')


def test_an_address_may_not_ask_too_often():
    browser = client(rate_limit=2, trusted_proxy='127.0.0.1')
    asked = [status(browser, 'POST', '/api/classify', X_Forwarded_For='1.1.1.1') for _ in range(3)]
    assert asked == [200, 200, 429]
    assert status(browser, 'POST', '/api/classify', X_Forwarded_For='1.1.1.2') == 200
    assert status(browser, path='/healthz', X_Forwarded_For='1.1.1.1') == 200


def test_the_rate_recovers_with_time():
    now = [0.0]
    limit = admission.RateLimit(60, clock=lambda: now[0])
    for _ in range(60):
        limit.check('1.1.1.1')
    with pytest.raises(Refusal) as refusal:
        limit.check('1.1.1.1')
    assert (refusal.value.status, refusal.value.retry_after_secs) == (429, 1)
    now[0] = 1.5
    limit.check('1.1.1.1')
    with pytest.raises(Refusal):
        limit.check('1.1.1.1')


def test_an_ipv6_household_is_one_address():
    limit = admission.RateLimit(1)
    limit.check('2001:db8::1')
    with pytest.raises(Refusal):
        limit.check('2001:db8::2')
    limit.check('2001:db8:0:1::1')


def test_addresses_are_forgotten_before_they_fill_the_memory():
    limit = admission.RateLimit(1)
    for number in range(10_050):
        limit.check(f'10.{number >> 16}.{number >> 8 & 255}.{number & 255}')
    assert len(limit._left) == 10_000


@pytest.mark.parametrize(
    ('host', 'expected'),
    [('127.0.0.1', True), ('localhost', True), ('::1', True), ('0.0.0.0', False), ('me', False)],
)
def test_loopback_is_told_by_the_address(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'rate_limit': -1}, '--rate_limit=-1'),
        ({'deadline_secs': 0}, '--deadline_secs=0'),
        ({'max_files': 0}, '--max_files=0'),
        ({'trusted_proxy': 'proxy.example'}, '--trusted_proxy=proxy.example'),
        ({'max_body_mb': float('nan')}, '--max_body_mb=nan'),
        ({'max_body_mb': float('inf')}, '--max_body_mb=inf'),
        ({'deadline_secs': 1e12}, '--deadline_secs=1000000000000.0: must be above 0 and at most'),
        ({'idle_secs': float('inf')}, '--idle_secs=inf'),
        ({'drain_secs': float('nan')}, '--drain_secs=nan'),
        ({'threads': 0}, '--threads=0'),
        ({'name': 'flowers/v2'}, '--served_name=flowers/v2'),
        ({'port': 70000}, '--port=70000'),
    ],
)
def test_options_are_checked(values, words):
    kind = AppConfig if {*values} <= {*AppConfig.__dataclass_fields__} else ListenOptions
    with pytest.raises(UserError, match=words):
        kind(**values)
