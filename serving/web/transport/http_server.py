"""waitress, with what it lacks on an open network: total deadlines, limits, and an end that waits.

Everything that touches its internals is here; tests show each promise on real sockets.
"""

import contextlib
import json
import logging
import socket
import time

from waitress import channel, server, task, utilities, wasyncore

from common.errors import UserError
from serving.web import security
from serving.web.admission import ADMISSION_KEY
from serving.web.refusals import Refusal
from serving.web.transport.connections import Places
from serving.web.transport.dispatcher import Dispatcher
from serving.web.transport.http_parser import RequestParser

DEADLINE_KEY = 'slim.deadline'  # In the WSGI environment: a time of time.monotonic().
_TICK_SECS = 1.0
_LONGEST_HEADER = 32 * 2**10
_RECEIVE_BYTES = 64 * 2**10
_MOST_BUFFERED_BYTES = 256 * 2**20  # Bodies of all connections together.
_LONGEST_ANSWER = 2**30
_LINGER_SECS = 2.0
_MOST_AT_ONCE = 16  # Requests in one piece of what a connection sends, before any is answered.
_SECS_TO_ASK = 1.0  # While draining: a connection that young may have a request on its way.


class _RequestTimeout(utilities.Error):
    code = 408
    reason = 'Request Timeout'


class _NoRoom(utilities.Error):
    code = 503
    reason = 'Service Unavailable'


class _AnswerTask(task.WSGITask):
    """Lets the application answer.

    While the server ends, each answer ends its connection. So does a refusal before the body.
    """

    def build_response_header(self):
        """Return the header of the answer."""
        if self.channel.server.is_draining or isinstance(self.request.admission, Refusal):
            self.set_close_on_finish()
        return super().build_response_header()

    def get_environment(self):
        """Return the WSGI environment, when the answer is due, and who has been let in."""
        environ = super().get_environment()
        environ.setdefault(DEADLINE_KEY, self.channel.deadline)
        environ[ADMISSION_KEY] = self.request.admission
        return environ


class _RefusalTask(task.ErrorTask):
    """Answers what never reaches the application, in the application's form."""

    def execute(self):
        """Write a refusal in JSON, and close the connection."""
        error = self.request.error
        code = 400 if error.code == 501 else error.code
        content = {'status': code, 'kind': 'http', 'message': error.body or error.reason}
        body = json.dumps({'error': content}).encode()
        self.status = f'{code} {"Bad Request" if code == 400 else error.reason}'
        self.response_headers += [('Content-Type', 'application/json'), *security.HEADERS.items()]
        if code == 503:
            self.response_headers.append(('Retry-After', '5'))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.channel.refused(code)
        self.write(body)


class _Door:
    """Judges the requests of one connection by the guard of the server."""

    def __init__(self, connection):
        self._connection = connection

    def admit(self, request):
        """Refuse a request by its header; False: the form has to show its key."""
        guard = self._connection.server.guard
        return guard and guard.admit(_AnswerTask(self._connection, request).get_environment())

    def check_form_start(self, start):
        """Refuse a form that does not begin with a valid key."""
        self._connection.server.guard.check_form_start(start)
        return False  # The application checks it again, as that of any form.


class _Channel(channel.HTTPChannel):
    """One connection. Its clock starts with the first byte of a request, not with each byte."""

    task_class = _AnswerTask
    error_task_class = _RefusalTask

    def __init__(self, *args, **kwargs):
        self._begun = 0  # How many requests have begun in the bytes that are being taken.
        self.asked_at = None  # When the request under way began.
        self.opened_at = time.monotonic()
        self._discards_until = None  # Set while the rest of a refused body is thrown away.
        super().__init__(*args, **kwargs)

    def parser_class(self, adjustments):
        """Return what reads the next request."""
        self._begun += 1
        return RequestParser(adjustments, _Door(self), is_excess=self._begun > _MOST_AT_ONCE)

    @property
    def deadline(self):
        """Return by when the request under way has to be answered."""
        return (self.asked_at or time.monotonic()) + self.server.deadline_secs

    @property
    def is_idle(self):
        """Tell whether nothing is received, worked on or sent."""
        return not (self.request or self.requests or self.total_outbufs_len)

    @property
    def description(self):
        """Return (address, method and path, seconds so far) of the request under way."""
        request = next(iter(self.requests), self.request)
        command = getattr(request, 'command', '') or '-'
        path = getattr(request, 'path', '') or '-'
        seconds = time.monotonic() - (self.asked_at or self.opened_at)
        return self.addr[0], f'{command} {path}', seconds

    @property
    def is_receiving(self):
        """Tell whether a request is coming, and none is worked on."""
        return self.request is not None and not self.requests

    @property
    def is_discarding(self):
        """Tell whether nothing is left but to throw away what still comes."""
        return self._discards_until is not None

    @property
    def buffered_bytes(self):
        """Return how much of bodies this connection holds."""
        parts = [self.request, *self.requests]
        return sum(part.body_bytes_received for part in parts if part)

    def readable(self):
        """Tell whether bytes are wanted."""
        return self.is_discarding or super().readable()

    def handle_read(self):
        """Read, or throw away what still comes after a refusal."""
        if self._discards_until is None:
            super().handle_read()
            return
        with contextlib.suppress(OSError):
            if self.recv(self.adj.recv_bytes):
                return
        self.handle_close()

    def received(self, data):
        """Take bytes of a request."""
        if self.request is None and not self.requests:
            self.asked_at = time.monotonic()
        self._begun = 0
        done = super().received(data)
        if self.request and not self.server.has_room_for(self):
            self.refuse(_NoRoom('too much is being uploaded at this moment'))
        return done

    def refuse(self, error):
        """Answer the request that is being received with an error."""
        with self.requests_lock:
            if self.request is None or self.requests:
                self.will_close = True
                return
            request, self.request = self.request, None
            request.version = getattr(request, 'version', '1.1')
            request.path = getattr(request, 'path', '')
            request.fail(error)
            self.requests.append(request)
        self.server.add_task(self)

    def refused(self, status):
        """Report a refusal that the application does not see."""
        seconds = time.monotonic() - (self.asked_at or self.opened_at)
        self.server.on_refusal(self.addr[0], status, seconds)

    def handle_close(self):
        """Close; after an answer first let the client read it, which a reset would prevent."""
        if self.will_close and self.connected and self._discards_until is None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self._discards_until = time.monotonic() + _LINGER_SECS
                self.will_close = False
                self.close_when_flushed = False
                return
        super().handle_close()

    def check_time(self, now):
        """End what takes too long; called every now and then."""
        if self._discards_until is not None:
            if now > self._discards_until:
                self.handle_close()
        elif self.is_receiving and now > self.deadline:
            self.refuse(_RequestTimeout('the request took too long'))
        elif self.total_outbufs_len and now > self.deadline + self.server.deadline_secs:
            if self.server.is_draining:
                self.server.cut.append(self.description)
            self.abort()  # The answer is not being read.

    def abort(self):
        """Close at once, without lingering."""
        self._discards_until = time.monotonic()
        self.handle_close()


def _adjustments(listening, options, max_body_bytes):
    """Return waitress's settings."""
    return server.Adjustments(
        sockets=[listening],
        threads=options.threads,
        # The one that comes last makes room for itself; waitress counts two of its own.
        connection_limit=options.max_connections + 3,
        channel_timeout=max(1, int(options.idle_secs)),
        cleanup_interval=1,
        recv_bytes=_RECEIVE_BYTES,
        max_request_header_size=_LONGEST_HEADER,
        max_request_body_size=max_body_bytes + 1,
        # Nothing goes to disk, neither requests nor answers, which hold pictures, too.
        inbuf_overflow=max_body_bytes + _RECEIVE_BYTES,
        outbuf_overflow=_LONGEST_ANSWER,
        asyncore_use_poll=True,
        clear_untrusted_proxy_headers=False,  # The application judges them.
        log_socket_errors=False,
        ident=None,
    )


class HttpServer(server.TcpWSGIServer):
    """Serves a WSGI application on a socket that listens already, until `stop` is called."""

    channel_class = _Channel

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
        self.cut = []  # (address, what was asked, seconds) of each request without an answer.
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
        """Return who shares a queue: the peer, or whom a trusted proxy names."""
        forwarded_for = request.headers.get('X_FORWARDED_FOR')
        peer = connection.addr[0]
        return security.neighbourhood(security.client_address(peer, forwarded_for, self._proxy))

    def connections(self):
        """List the open connections; a thread that answers may close one meanwhile."""
        return list(self.active_channels.values())

    def maintenance(self, now):
        """Close connections that have rested for long."""
        oldest = now - self.adj.channel_timeout
        for each in self.connections():
            if not each.requests and each.last_activity < oldest:
                each.will_close = True

    def has_room_for(self, connection):
        """Tell whether a connection may receive more: its address leaves as much as it holds."""
        own = total = 0
        is_proxy = self._proxy and security.same_address(connection.addr[0], self._proxy)
        for each in self.connections():
            size = each.buffered_bytes
            total += size
            own += size if each.addr[0] == connection.addr[0] and not is_proxy else 0
        return total <= _MOST_BUFFERED_BYTES and own <= _MOST_BUFFERED_BYTES - total

    def handle_accept(self):
        """Take a connection; where places are short, close one."""
        known = len(self.active_channels)
        super().handle_accept()
        if len(self.active_channels) > known:
            _abort(self._places.to_close(self.connections()))

    def run(self):
        """Serve until stopped; then answer what is under way. Returns when all is done.

        What has no answer by the end of --drain_secs, or by the second call of `stop`, is in `cut`.
        """
        while not self._is_stopping:
            self._turn(_TICK_SECS)
        self._drain()
        self.cut += [each.description for each in self.connections() if not each.is_idle]
        self.task_dispatcher.shutdown(timeout=1 if self.cut else 5)
        wasyncore.close_all(self._map)

    def stop(self):
        """Ask `run` to end, from a signal handler or any thread; a second time: at once."""
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
            # When the last one came, all were at work.
            _abort(self._places.to_make_room(self.connections()))

    def _drain(self):
        until = time.monotonic() + self.options.drain_secs
        known = -1
        while len(self.active_channels) > known:  # Who has connected before is answered, too.
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
    """Return a socket that listens; a port that is taken is a UserError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # Where a name has both, more programs will come by IPv4.
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        return socket.create_server(address[:2], family=family, backlog=1024)
    except socket.gaierror as error:
        raise UserError(f'--host={host}: {error.strerror}') from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f'--host={host} --port={port}: {reason.lower()}') from None
