"""One connection of the HTTP server: its requests, its deadline and its refusals."""

import contextlib
import json
import socket
import time

from waitress import channel, task, utilities

from serving.web import security
from serving.web.admission import ADMISSION_KEY, DEADLINE_KEY
from serving.web.refusals import Refusal
from serving.web.transport.http_parser import RequestParser

_LINGER_SECS = 2.0
_MOST_AT_ONCE = 16  # Pipelined requests that are accepted before the first one is answered.


class _RequestTimeout(utilities.Error):
    code = 408
    reason = 'Request Timeout'


class _NoRoom(utilities.Error):
    code = 503
    reason = 'Service Unavailable'


class _AnswerTask(task.WSGITask):
    """Runs the application for one request.

    The connection is closed after the answer if the server is draining or has refused the request
    before its body.
    """

    def build_response_header(self):
        """Return the header of the answer."""
        if self.channel.server.is_draining or isinstance(self.request.admission, Refusal):
            self.set_close_on_finish()
        return super().build_response_header()

    def get_environment(self):
        """Return the WSGI environment with the deadline and the result of the header check."""
        environ = super().get_environment()
        environ.setdefault(DEADLINE_KEY, self.channel.deadline)
        environ[ADMISSION_KEY] = self.request.admission
        return environ


class _RefusalTask(task.ErrorTask):
    """Answers a request that never reaches the application, in the application's JSON format."""

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


class _RequestChecks:
    """Checks the requests of one connection with the server's guard."""

    def __init__(self, connection):
        self._connection = connection

    def admit(self, request):
        """Check a request's header; return False if the key is in the form, yet to be checked."""
        guard = self._connection.server.guard
        return guard and guard.admit(_AnswerTask(self._connection, request).get_environment())

    def check_form_start(self, start):
        """Refuse a form whose first field is not a valid key."""
        self._connection.server.guard.check_form_start(start)
        return False  # The application checks the key once more, as it does for every form.


class Channel(channel.HTTPChannel):
    """A connection, with a deadline for each request counted from the request's first byte."""

    task_class = _AnswerTask
    error_task_class = _RefusalTask

    def __init__(self, *args, **kwargs):
        self._begun = 0  # Requests that begin in the bytes that are being received.
        self.asked_at = None  # When the current request began.
        self.opened_at = time.monotonic()
        self._discards_until = None  # Set while the rest of a refused body is discarded.
        super().__init__(*args, **kwargs)

    def parser_class(self, adjustments):
        """Make the parser for the next request."""
        self._begun += 1
        return RequestParser(
            adjustments, _RequestChecks(self), is_excess=self._begun > _MOST_AT_ONCE
        )

    @property
    def deadline(self):
        """Return the time by which the current request must be answered."""
        return (self.asked_at or time.monotonic()) + self.server.deadline_secs

    @property
    def is_idle(self):
        """Tell whether no request is being received, processed or answered."""
        return not (self.request or self.requests or self.total_outbufs_len)

    @property
    def description(self):
        """Return (address, method and path, seconds so far) of the current request."""
        request = next(iter(self.requests), self.request)
        command = getattr(request, 'command', '') or '-'
        path = getattr(request, 'path', '') or '-'
        seconds = time.monotonic() - (self.asked_at or self.opened_at)
        return self.addr[0], f'{command} {path}', seconds

    @property
    def is_receiving(self):
        """Tell whether a request is being received and none is being processed."""
        return self.request is not None and not self.requests

    @property
    def is_discarding(self):
        """Tell whether further bytes are discarded."""
        return self._discards_until is not None

    @property
    def buffered_bytes(self):
        """Return the number of body bytes that this connection has buffered."""
        parts = [self.request, *self.requests]
        return sum(part.body_bytes_received for part in parts if part)

    def readable(self):
        """Tell whether the connection should be read."""
        return self.is_discarding or super().readable()

    def handle_read(self):
        """Read, or discard what arrives after a refusal."""
        if self._discards_until is None:
            super().handle_read()
            return
        with contextlib.suppress(OSError):
            if self.recv(self.adj.recv_bytes):
                return
        self.handle_close()

    def received(self, data):
        """Process bytes of a request."""
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
        """Close, but first let the client read its answer, which a reset would discard."""
        if self.will_close and self.connected and self._discards_until is None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)
                self._discards_until = time.monotonic() + _LINGER_SECS
                self.will_close = False
                self.close_when_flushed = False
                return
        super().handle_close()

    def check_time(self, now):
        """Close the connection if it takes too long; the server calls this every half second."""
        if self._discards_until is not None:
            if now > self._discards_until:
                self.handle_close()
        elif self.is_receiving and now > self.deadline:
            self.refuse(_RequestTimeout('the request took too long'))
        elif self.total_outbufs_len and now > self.deadline + self.server.deadline_secs:
            if self.server.is_draining:
                self.server.cut.append(self.description)
            self.abort()  # The client does not read the answer.

    def abort(self):
        """Close at once, without waiting for the client to read."""
        self._discards_until = time.monotonic()
        self.handle_close()
