"""The server on real sockets: limits, deadlines, and an end that loses no answer."""

import base64
import json
import logging
import socket
import threading
import time

import pytest
import waitress.buffers

from common.errors import UserError
from serving.web import lifecycle, server_options
from serving.web.server_options import AppConfig, ListenOptions
from serving.web.transport import http_server
from support.files import pictures
from support.network.fake_models import FakeHolder, FakePredictor
from support.network.live_servers import answer_of, chunk, head, running, sent

JPEG = pictures.jpegs()['baseline.jpg'].data


@pytest.fixture(scope='module')
def live():
    with running(config=AppConfig(max_body_mb=0.5, max_picture_mb=0.4)) as server:
        yield server


def test_a_picture_in_chunks_is_classified(live):
    pieces = [chunk(JPEG[start : start + 97]) for start in range(0, len(JPEG), 97)]
    status, _, body = sent(live, head('Transfer-Encoding: chunked\r\n'), *pieces, b'0\r\n\r\n')
    assert status == 200
    assert json.loads(body)['results'][0]['predictions']


def test_a_long_answer_stays_in_memory(monkeypatch):
    def to_disk(*_, **__):
        raise AssertionError('an answer went into a temporary file')

    monkeypatch.setattr(waitress.buffers, 'TempfileBasedBuffer', to_disk)
    labels = [f'class {number}' for number in range(60_000)]
    body = json.dumps({'instances': [{'b64': base64.b64encode(JPEG).decode()}]})
    with running(FakeHolder(FakePredictor(labels))) as live:
        status, answer = live.ask('POST', '/v1/models/model:predict', body)
    assert (status, len(answer) > 2**20) == (200, True)
    assert json.loads(answer)['predictions'][0]['classes'] == labels


def endless():
    while True:
        yield chunk(bytes(2**16))


@pytest.mark.parametrize('kind', ['chunked', 'announced'])
def test_an_endless_body_is_broken_off_with_an_answer(live, kind):
    if kind == 'chunked':
        answer = sent(live, head('Transfer-Encoding: chunked\r\n'), *[next(endless())] * 60)
    else:
        answer = sent(live, head('Content-Length: 9000000\r\n'), *[bytes(2**16)] * 100)
    assert answer[0] == 413
    assert answer[1]['Connection'] == 'close'
    assert live.ask('POST', '/api/classify', JPEG)[0] == 200


def test_refusals_of_the_server_itself_are_reported(live):
    before = len(live.refusals)
    sent(live, head('Content-Length: -5\r\n'))
    address, status, seconds = live.refusals[before]
    assert (address, status) == ('127.0.0.1', 400)
    assert 0 <= seconds < 30


def drip(connection, data, stop):
    """Send a byte at a time, each of which would restart an ordinary timeout."""
    try:
        for byte in data:
            connection.sendall(bytes([byte]))
            if stop.wait(0.05):
                return
    except OSError:
        return


@pytest.mark.parametrize('part', ['header', 'body', 'chunks'])
def test_a_slow_request_has_a_total_deadline(part):
    starts = {
        'header': b'GET / HTTP/1.1\r\nX-A: ',
        'body': head('Content-Length: 100000\r\n'),
        'chunks': head('Transfer-Encoding: chunked\r\n') + b'fffff\r\n',
    }
    with running(config=AppConfig(deadline_secs=0.5)) as live, live.connect() as connection:
        stop = threading.Event()
        connection.sendall(starts[part])
        slow = threading.Thread(target=drip, args=(connection, b'a' * 2000, stop))
        slow.start()
        assert live.ask('POST', '/api/classify', JPEG)[0] == 200  # Others do not wait.
        answer = answer_of(connection)
        stop.set()
        slow.join()
    assert answer[0] == 408


def test_a_connection_without_a_request_is_closed():
    with running(options=ListenOptions(threads=2, idle_secs=1)) as live:
        with live.connect() as connection:
            assert answer_of(connection) is None


def test_an_address_has_a_limit_of_connections():
    options = ListenOptions(threads=2, max_connections_per_address=3)
    with running(options=options) as live:
        held = [live.connect() for _ in range(3)]
        for connection in held:
            connection.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            assert answer_of(connection)[0] == 200
        with live.connect() as refused:
            assert answer_of(refused) is None
        held.pop().close()
        deadline = time.monotonic() + 30
        while len(live.server.active_channels) > 2 and time.monotonic() < deadline:
            live.server.pull_trigger()
        assert live.ask()[0] == 200
        for connection in held:
            connection.close()


def test_health_is_told_while_every_place_is_taken():
    holder = FakeHolder()
    holder.predictor.gate.clear()
    with running(holder, AppConfig(max_requests=3), ListenOptions(threads=8)) as live:
        threads = [
            threading.Thread(target=live.ask, args=('POST', '/api/classify', JPEG))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
            holder.predictor.entered.acquire()
        assert live.ask()[0] == 200
        status, body = live.ask('POST', '/api/classify', JPEG)
        assert (status, json.loads(body)['error']['kind']) == (503, 'busy')
        holder.predictor.gate.set()
        for thread in threads:
            thread.join()


def test_an_address_cannot_take_every_thread():
    holder = FakeHolder()
    holder.predictor.gate.clear()
    whole = head(f'Content-Length: {len(JPEG)}\r\n') + JPEG
    with running(holder, options=ListenOptions(threads=4)) as live:
        greedy = [live.connect('127.0.0.2') for _ in range(6)]
        for connection in greedy:
            connection.sendall(whole)
        for _ in range(2):
            assert holder.predictor.entered.acquire(timeout=30)
        assert live.ask(path='/', address='127.0.0.1')[0] == 200
        assert live.ask(address='127.0.0.2')[0] == 200  # Health has a thread of its own.
        assert not holder.predictor.entered.acquire(timeout=0.05)
        holder.predictor.gate.set()
        assert [answer_of(connection)[0] for connection in greedy] == [200] * 6
        for connection in greedy:
            connection.close()


def test_an_address_cannot_hold_all_room_for_bodies(monkeypatch):
    monkeypatch.setattr(http_server, '_MOST_BUFFERED_BYTES', 100_000)
    with running() as live, live.connect('127.0.0.2') as greedy, live.connect() as modest:
        greedy.sendall(head('Content-Length: 90000\r\n') + bytes(60_000))
        status, headers, _ = answer_of(greedy)
        assert (status, headers['Retry-After']) == (503, '5')
        modest.sendall(head('Content-Length: 40000\r\n') + bytes(40_000))
        assert answer_of(modest)[0] == 415


def test_behind_a_trusted_proxy_the_forwarded_address_counts():
    holder = FakeHolder()
    holder.predictor.gate.clear()
    config = AppConfig(trusted_proxy='127.0.0.1')
    with running(holder, config, ListenOptions(threads=4)) as live:
        greedy = [live.connect() for _ in range(4)]
        for connection in greedy:
            extra = f'X-Forwarded-For: 192.0.2.7\r\nContent-Length: {len(JPEG)}\r\n'
            connection.sendall(head(extra) + JPEG)
        for _ in range(2):
            assert holder.predictor.entered.acquire(timeout=30)
        assert live.ask(path='/', headers={'X-Forwarded-For': '192.0.2.8'})[0] == 200
        holder.predictor.gate.set()
        for connection in greedy:
            assert answer_of(connection)[0] == 200
            connection.close()


def test_a_request_that_has_to_be_cut_is_named(caplog):
    holder = FakeHolder()
    holder.predictor.gate.clear()
    with running(holder, options=ListenOptions(threads=4, drain_secs=0.1)) as live:
        with live.connect() as asked, live.connect() as started:
            asked.sendall(head(f'Content-Length: {len(JPEG)}\r\n') + JPEG)
            started.sendall(head('Content-Length: 9\r\n', '/v1/models/model:predict'))
            assert holder.predictor.entered.acquire(timeout=30)
            live.stop()
            holder.predictor.gate.set()
    cut = sorted((address, what) for address, what, _ in live.server.cut)
    assert cut == [
        ('127.0.0.1', 'POST /api/classify'),
        ('127.0.0.1', 'POST /v1/models/model:predict'),
    ]
    assert lifecycle._report_end(live.server.cut, logging.getLogger('cut')) == 1
    assert 'CUT 127.0.0.1 POST /api/classify after' in caplog.text


def test_the_end_answers_what_is_under_way_and_what_has_connected():
    holder = FakeHolder()
    holder.predictor.gate.clear()
    with running(holder) as live:
        whole = head(f'Content-Length: {len(JPEG)}\r\n') + JPEG
        asked, started, silent = live.connect(), live.connect(), live.connect()
        asked.sendall(whole)
        holder.predictor.entered.acquire()
        started.sendall(whole[:200])
        live.server.stop()
        silent.sendall(b'GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n')
        assert answer_of(silent)[0] == 503
        started.sendall(whole[200:])
        holder.predictor.gate.set()
        for connection in (asked, started):
            status, headers, _ = answer_of(connection)
            assert (status, headers['Connection']) == (200, 'close')
            connection.close()
        silent.close()
        live.thread.join(30)
        with pytest.raises(OSError, match='refused'):
            live.connect()


def test_clients_that_keep_asking_lose_nothing_at_the_end():
    failures, answered = [], []

    def ask(live):
        with live.connect() as connection:
            while True:
                connection.sendall(head(f'Content-Length: {len(JPEG)}\r\n') + JPEG)
                answer = answer_of(connection)
                if answer is None or answer[0] != 200:
                    failures.append(answer)
                    return
                answered.append(answer)
                if answer[1]['Connection'] == 'close':
                    return

    with running() as live:
        threads = [threading.Thread(target=ask, args=(live,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 20 and not failures:
            time.sleep(0.01)
        live.stop()
        for thread in threads:
            thread.join()
    assert failures == []


def test_a_second_request_to_end_does_not_wait():
    holder = FakeHolder()
    holder.predictor.gate.clear()
    with running(holder) as live:
        with live.connect() as connection:
            connection.sendall(head(f'Content-Length: {len(JPEG)}\r\n') + JPEG)
            holder.predictor.entered.acquire()
            live.server.stop()
            live.server.stop()
            holder.predictor.gate.set()
            live.thread.join(30)
            assert not live.thread.is_alive()


def test_a_port_that_is_taken_is_named():
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f'--port={port}: address already in use'):
            http_server.listen('127.0.0.1', port)
    with pytest.raises(UserError, match=r'--host=no\.such\.host\.invalid'):
        http_server.listen('no.such.host.invalid', 0)


@pytest.mark.parametrize(
    ('host', 'words'),
    [
        ('127.0.0.1', 'http://127.0.0.1:5001/ Only this machine can use it; --host=0.0.0.0 opens'),
        ('::1', 'http://[::1]:5001/ Only this machine'),
        ('0.0.0.0', 'Every machine that can reach this one can use it'),
    ],
)
def test_the_greeting_tells_who_can_reach_it(host, words):
    lines = lifecycle.greeting(host, 5001, AppConfig())
    assert lines[0] == 'listening on port 5001'
    assert words in ' '.join(' '.join(lines).split())


@pytest.mark.parametrize(
    ('path', 'name'),
    [
        ('models/my_inception_v4_freeze.pb', 'my_inception_v4_freeze'),
        ('models/flowers.onnx', 'flowers'),
        ('models/flowers.int8.onnx', 'flowers'),
        ('runs/flowers/', 'flowers'),
        ('model.ckpt-500', 'model.ckpt-500'),
        ('꽃 1.pb', '__1'),
    ],
)
def test_the_model_is_called_after_its_file(path, name):
    assert server_options.name_for(path) == name


def test_a_model_without_a_name_is_called_after_its_directory():
    options = server_options.ServerOptions(model='.', model_dir='/models/flowers')
    assert options.app_config().name == 'flowers'
