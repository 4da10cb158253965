"""A WSGI server: waitress with deadlines for whole requests, limits per client and draining.

It overrides internals of waitress, and so do the other modules of this folder. The version of
waitress is therefore pinned to one minor release, and tests/serving/web/transport/test_waitress.py
names each internal that has changed when the pin is raised.
"""

import contextlib
import logging
import socket
import time

from waitress import server, wasyncore

from common.errors import UserError
from serving.web import security
from serving.web.transport.connections import Places
from serving.web.transport.dispatcher import Dispatcher
from serving.web.transport.http_channel import Channel

_TICK_SECS = 1.0
_LONGEST_HEADER = 32 * 2**10
_RECEIVE_BYTES = 64 * 2**10
_MOST_BUFFERED_BYTES = 256 * 2**20  # Bodies of all connections together.
_LONGEST_ANSWER = 2**30
_SECS_TO_ASK = 1.0  # While draining: a younger connection may still send its first request.


def _adjustments(listening, options, max_body_bytes):
    """Return waitress's settings."""
    return server.Adjustments(
        sockets=[listening],
        threads=options.threads,
        # The newest connection closes another one; waitress counts two sockets of its own.
        connection_limit=options.max_connections + 3,
        channel_timeout=max(1, int(options.idle_secs)),
        cleanup_interval=1,
        recv_bytes=_RECEIVE_BYTES,
        max_request_header_size=_LONGEST_HEADER,
        max_request_body_size=max_body_bytes + 1,
        # Neither requests nor answers are written to disk: both contain pictures.
        inbuf_overflow=max_body_bytes + _RECEIVE_BYTES,
        outbuf_overflow=_LONGEST_ANSWER,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # The application checks them.
        log_socket_errors=False,
        ident=None,
    )


class HttpServer(server.TcpWSGIServer):
    """Serves a WSGI application on a listening socket until `stop` is called."""

    channel_class = Channel

    def __init__(
        self,
        application,
        listening,
        options,
        deadline_secs,
        max_body_bytes,
        proxy='',
        guard=None,
    ):
        self.options = options
        self.guard = guard
        self.deadline_secs = deadline_secs
        self.is_draining = False
        self.cut = []  # (address, method and path, seconds) of each unanswered request.
        self.on_refusal = lambda address, status, seconds: None
        self._is_stopping = False
        self._is_urged = False
        self._next_check = 0.0
        self._proxy = proxy
        self._places = Places(options, proxy)
        logging.getLogger('waitress.queue').setLevel(logging.ERROR)
        name = listening.getsockname()
        about = (listening.family, listening.type, listening.proto, name)
        super().__init__(
            application,
            {},
            True,
            listening,
            Dispatcher(options.threads, self._client_of),
            _adjustments(listening, options, max_body_bytes),
            sockinfo=about,
            bind_socket=False,
        )

    @property
    def port(self):
        """Return the port that is listened on."""
        return int(self.effective_port)

    def _client_of(self, connection, request):
        """Return the client whose queue a request joins: the peer, or the one its proxy names."""
        forwarded_for = request.headers.get('X_FORWARDED_FOR')
        peer = connection.addr[0]
        return security.neighbourhood(security.client_address(peer, forwarded_for, self._proxy))

    def connections(self):
        """List the open connections; another thread may close one at any time."""
        return list(self.active_channels.values())

    def maintenance(self, now):
        """Close connections that have been idle for too long."""
        oldest = now - self.adj.channel_timeout
        for each in self.connections():
            if not each.requests and each.last_activity < oldest:
                each.will_close = True

    def has_room_for(self, connection):
        """Tell whether a connection may receive more without taking other clients' share."""
        own = total = 0
        is_proxy = self._proxy and security.same_address(connection.addr[0], self._proxy)
        for each in self.connections():
            size = each.buffered_bytes
            total += size
            own += size if each.addr[0] == connection.addr[0] and not is_proxy else 0
        return total <= _MOST_BUFFERED_BYTES and own <= _MOST_BUFFERED_BYTES - total

    def handle_accept(self):
        """Accept a connection, and close one if there are too many."""
        known = len(self.active_channels)
        super().handle_accept()
        if len(self.active_channels) > known:
            _abort(self._places.to_close(self.connections()))

    def run(self):
        """Serve until stopped, finish the current requests, and return.

        Requests not answered within --drain_secs, or before a second call of `stop`, are in `cut`.
        """
        while not self._is_stopping:
            self._turn(_TICK_SECS)
        self._drain()
        self.cut += [each.description for each in self.connections() if not each.is_idle]
        self.task_dispatcher.shutdown(timeout=1 if self.cut else 5)
        wasyncore.close_all(self._map)

    def stop(self):
        """Make `run` return, from a signal handler or any thread; a second call skips draining."""
        self._is_urged = self._is_stopping
        self._is_stopping = True
        self.is_draining = True
        with contextlib.suppress(OSError):
            self.pull_trigger()

    def _turn(self, timeout):
        wasyncore.loop(timeout=timeout, map=self._map, use_poll=True, count=1)
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + _TICK_SECS / 2
        for each in self.connections():
            each.check_time(now)
        if len(self.active_channels) > self.options.max_connections:
            # All connections were busy when the last one was accepted.
            _abort(self._places.to_make_room(self.connections()))

    def _drain(self):
        until = time.monotonic() + self.options.drain_secs
        known = -1
        while len(self.active_channels) > known:  # Connections in the backlog are served too.
            known = len(self.active_channels)
            self.handle_accept()
        wasyncore.dispatcher.close(self)
        while self.active_channels and time.monotonic() < until and not self._is_urged:
            young = time.time() - _SECS_TO_ASK
            for each in self.connections():
                if each.is_idle and each.last_activity < young:
                    each.abort()
            self._turn(0.05)


def _abort(connection):
    if connection is not None:
        connection.abort()


def listen(host, port):
    """Return a listening socket; raise a UserError if the address is not available."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # If a name has IPv4 and IPv6 addresses, more programs will use IPv4.
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return socket.create_server(address[:2], family=family, backlog=1024)
    except socket.gaierror as error:
        raise UserError(f'--host={host}: {error.strerror}') from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f'--host={host} --port={port}: {reason.lower()}') from None
