"""Requests that are malformed, or that a proxy could take for another request, are refused."""

import json
import re

import pytest

from serving.web.server_options import AppConfig
from support.files import pictures
from support.network.live_servers import answer_of, chunk, head, running, sent

JPEG = pictures.jpegs()['baseline.jpg'].data
END = b'0\r\nX-Checksum: none\r\n\r\n'


@pytest.fixture(scope='module')
def live():
    with running(config=AppConfig(max_body_mb=0.5, max_picture_mb=0.4)) as server:
        yield server


def health(headers):
    """Return a request that is answered with 200 but for its headers."""
    return f'GET /healthz HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n'.encode()


MALFORMED = {
    'no request': (b'\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 400),
    'a long header': (b'GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ' + b'a' * 40_000, 431),
    'many headers': (b'GET / HTTP/1.1\r\n' + b'X-A: b\r\n' * 10_000, 431),
    'a bad length': (head('Content-Length: -5\r\n'), 400),
    'no number for a length': (head('Content-Length: ten\r\n'), 400),
    'two lengths': (head('Content-Length: 5\r\nContent-Length: 6\r\n') + b'xxxxxx', 400),
    'a huge length': (head('Content-Length: 99999999999999\r\n'), 413),
    'just over the limit': (head(f'Content-Length: {2**19 + 1}\r\n'), 413),
    'another encoding': (head('Transfer-Encoding: gzip\r\n'), 400),
    'both kinds of length': (
        head('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n') + b'0\r\n\r\n',
        400,
    ),
    'chunks before there were any': (
        b'POST / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n'
        b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        400,
    ),
    'a bad chunk': (head('Transfer-Encoding: chunked\r\n') + b'zz\r\n\r\n', 400),
    'an endless chunk header': (head('Transfer-Encoding: chunked\r\n') + b'0' * 10_000, 400),
    'an unfinished chunk': (head('Transfer-Encoding: chunked\r\n') + b'1\r\nab\r\n0\r\n\r\n', 400),
    'a body of an open address': (health('Content-Length: 5\r\n') + b'xxxxx', 400),
    'chunks of an open address': (health('Transfer-Encoding: chunked\r\n') + b'1\r\n', 400),
    'tiny chunks': (head('Transfer-Encoding: chunked\r\n') + b'1\r\nX\r\n' * 2000, 400),
    'a header without a name': (b'GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n', 400),
    'a folded first header': (b'GET / HTTP/1.1\r\n X: y\r\nHost: localhost\r\n\r\n', 400),
    'a folded header': (health('X-A: b\r\n c: d\r\n'), 400),
    'a header folded with a tab': (health('X-A: b\r\n\tTransfer-Encoding: chunked\r\n'), 400),
    'a length with a sign': (head('Content-Length: +5\r\n') + b'xxxxx', 400),
    'a length with an underscore': (head('Content-Length: 1_0\r\n') + bytes(10), 400),
    'the same length twice': (head('Content-Length: 5\r\nContent-Length: 5\r\n'), 400),
    'a list of lengths': (head('Content-Length: 5, 5\r\n') + b'xxxxx', 400),
    'chunked and identity': (health('Transfer-Encoding: chunked, identity\r\n'), 400),
    'chunked twice': (health('Transfer-Encoding: chunked, chunked\r\n') + b'0\r\n\r\n', 400),
    'chunked in two headers': (health('Transfer-Encoding: chunked\r\n' * 2) + b'0\r\n\r\n', 400),
    'an empty encoding': (health('Transfer-Encoding:\r\nContent-Length: 5\r\n') + b'xxxxx', 400),
    'a space before the colon': (health('Transfer-Encoding : chunked\r\n') + b'0\r\n\r\n', 400),
    'a null in a header': (health('X-A: a\0b\r\n'), 400),
    'a bare line feed': (health('X-A: b\nTransfer-Encoding: chunked\r\n'), 400),
    'a huge chunk': (head('Transfer-Encoding: chunked\r\n') + b'80001\r\n', 413),
    'a chunk size of 30 digits': (head('Transfer-Encoding: chunked\r\n') + b'f' * 30, 413),
    'chunks that are too long together': (
        head('Transfer-Encoding: chunked\r\n') + chunk(bytes(2**18)) + b'40001\r\n',
        413,
    ),
    'a chunk size with a line feed': (
        head('Transfer-Encoding: chunked\r\n') + b'1\n\r\na\r\n0\r\n\r\n',
        400,
    ),
    'a chunk size with a sign': (head('Transfer-Encoding: chunked\r\n') + b'+1\r\n', 400),
    'an empty chunk size': (head('Transfer-Encoding: chunked\r\n') + b'\r\n', 400),
    'an endless trailer': (
        head('Transfer-Encoding: chunked\r\n') + b'0\r\n' + b'X-A: b\r\n' * 1000,
        400,
    ),
    'a strange host as the target': (
        b'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
        403,
    ),
    'a user in the target': (
        b'GET http://localhost:5001@evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n',
        400,
    ),
    'another scheme': (b'GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'a target without a slash': (b'GET metrics HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'a tunnel': (b'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'half a bracket': (b'GET http://[::1/x HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'no address in brackets': (b'GET http://[x]/ HTTP/1.1\r\nHost: localhost\r\n\r\n', 400),
    'no host': (b'GET / HTTP/1.1\r\n\r\n', 403),
    'two hosts': (b'GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', 403),
}


@pytest.mark.parametrize('case', MALFORMED)
def test_malformed_requests_are_refused_with_the_headers_of_every_answer(live, case):
    data, expected = MALFORMED[case]
    status, headers, body = sent(live, data)
    assert status == expected
    assert headers['X-Content-Type-Options'] == 'nosniff'
    assert json.loads(body)['error']['status'] == expected
    assert live.ask('POST', '/api/classify', JPEG)[0] == 200


@pytest.mark.parametrize('path', ['/', ''])
def test_the_host_of_an_absolute_target_counts(live, path):
    target = f'GET http://localhost{path} HTTP/1.1\r\nHost: evil.example\r\n\r\n'
    status, headers, _ = sent(live, target.encode())
    assert (status, headers['Location']) == (200, None)


@pytest.mark.parametrize(
    'target',
    ['//evil.example/..', '//evil.example', '/static//evil.example/', 'http://localhost//'],
)
def test_no_answer_redirects(live, target):
    status, headers, _ = sent(live, f'GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
    assert (status in (200, 404), headers['Location']) == (True, None)


@pytest.mark.parametrize(
    'target', ['/%00', '/%2f%2fevil.example', '/?top=%00', '/?lang=' + '9' * 999]
)
def test_odd_addresses_do_not_break_the_server(live, target):
    status, _, _ = sent(live, f'GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
    assert status in (200, 404)


@pytest.mark.parametrize('version', ['1.0', '1.1'])
def test_health_needs_no_host(live, version):
    for path, expected in (('/healthz', 200), ('/readyz', 403), ('/', 403)):
        answer = sent(live, f'GET {path} HTTP/{version}\r\n\r\n'.encode())
        assert answer[0] == expected, path
    strange = f'GET /healthz HTTP/{version}\r\nHost: evil.example\r\n\r\n'
    assert sent(live, strange.encode())[0] == 403


def test_a_body_that_is_too_long_is_not_asked_for(live):
    start = head('Expect: 100-continue\r\nContent-Length: 9000000\r\n')
    with live.connect() as connection:
        connection.sendall(start)
        assert connection.recv(12) == b'HTTP/1.1 413'


def test_a_request_without_a_body_is_answered_whatever_it_expects(live):
    with live.connect() as connection:
        connection.sendall(
            b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n'
        )
        assert answer_of(connection)[0] == 200


@pytest.mark.parametrize('extra', [health(''), b'\r\n\r\n'], ids=['requests', 'empty lines'])
def test_what_a_connection_asks_at_once_is_bounded(live, extra):
    with live.connect() as connection:
        connection.sendall(health('') + extra * 500)
        answers = b''.join(iter(lambda: connection.recv(2**16), b''))
    statuses = re.findall(rb'HTTP/1.. (\d+)', answers)
    assert 1 <= statuses.count(b'200') <= 16
    assert statuses[-1] == b'400'


def test_chunks_may_come_byte_by_byte(live):
    rest = chunk(JPEG[:9]) + b'00005 ;a="b"\r\n' + JPEG[9:14] + b'\r\n' + chunk(JPEG[14:])
    start = head('Transfer-Encoding: chunked\r\n')
    status, _, body = sent(live, start, *(bytes([each]) for each in rest[:60]), rest[60:], END)
    assert status == 200
    assert json.loads(body)['results'][0]['predictions']
