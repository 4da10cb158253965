"""A server on a free port of this machine, and clients that behave badly."""

import contextlib
import http.client
import socket
import threading

from serving.web.app import create_app, guard_of
from serving.web.metrics import Metrics
from serving.web.server_options import AppConfig, ListenOptions
from serving.web.transport import http_server
from support.network.fake_models import FakeHolder


class LiveServer:
    """An application behind the real server, in a thread of this process."""

    def __init__(self, holder=None, config=None, options=None):
        self.holder = holder or FakeHolder()
        config = config or AppConfig()
        options = options or ListenOptions(threads=4)
        listening = http_server.listen('127.0.0.1', 0)
        self.metrics = Metrics()
        app = create_app(
            self.holder, config, self.metrics, is_draining=lambda: self.server.is_draining
        )
        self.server = http_server.HttpServer(
            app,
            listening,
            options,
            config.deadline_secs,
            config.max_body_bytes,
            proxy=config.trusted_proxy,
            guard=guard_of(app),
        )
        self.server.on_refusal = lambda *about: self.refusals.append(about)
        self.refusals = []
        self.port = self.server.port
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    def stop(self):
        """End as SIGTERM does, and wait for it."""
        self.server.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()

    def connect(self, address='127.0.0.1'):
        """Return a new connection from an address of this machine."""
        return socket.create_connection(('127.0.0.1', self.port), 30, (address, 0))

    def ask(self, method='GET', path='/healthz', body=None, headers=None, address='127.0.0.1'):
        """Return (status, body) of one request on a connection of its own."""
        source = (address, 0)
        connection = http.client.HTTPConnection('127.0.0.1', self.port, 30, source)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextlib.contextmanager
def running(holder=None, config=None, options=None):
    """Run a LiveServer for the length of a block."""
    live = LiveServer(holder, config, options)
    try:
        yield live
    finally:
        live.stop()


def head(body_headers='', path='/api/classify'):
    """Return the start of a POST; `body_headers` says how its body comes."""
    return f'POST {path} HTTP/1.1\r\nHost: localhost\r\n{body_headers}\r\n'.encode()


def answer_of(connection):
    """Return (status, headers, body) of the next answer, or None when the connection ended."""
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
    except (http.client.BadStatusLine, ConnectionError):
        return None
    return answer.status, answer.headers, answer.read()


def chunk(data):
    """Return a chunk of a body."""
    return b'%x\r\n%s\r\n' % (len(data), data)


def sent(live, *parts, address='127.0.0.1'):
    """Send bytes, as far as the server takes them, and return its answer."""
    with live.connect(address) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break
        return answer_of(connection)
