"""Reads requests for waitress, and refuses what it would let through.

Refused are what a proxy before this server might take for another request, and what does not end.
"""

import io
import re

from waitress import parser, utilities

from serving.web.admission import FORM_START_BYTES, is_open
from serving.web.refusals import Refusal
from serving.web.transport.http_chunks import ChunkReceiver

_TRANSFER_ENCODING = re.compile(rb'^transfer-encoding *:(.*)', re.IGNORECASE | re.MULTILINE)


class RequestParser(parser.HTTPRequestParser):
    """One request. `door` judges its header (`admit`) before the body has come.

    One `is_excess` of those that a connection sends at once is refused without a look at it.
    """

    def __init__(self, adj, door=None, is_excess=False):
        super().__init__(adj)
        self._is_excess = is_excess
        self.admission = None  # What the door says: True, False (a form shows a key), a Refusal.
        self._door = door

    def parse_header(self, header_plus):
        """Read a header; one that a proxy might take for another request than we do is refused."""
        _check_lines(header_plus)
        try:
            super().parse_header(header_plus)
        except ValueError:  # Of an address with half a bracket.
            raise parser.ParsingError('Bad URI') from None
        is_ours = self.chunked and 'CONTENT_LENGTH' not in self.headers
        if not is_ours and (self.chunked or 'TRANSFER_ENCODING' in self.headers):
            raise parser.ParsingError('Transfer-Encoding: with HTTP/1.1, and no Content-Length')
        if self.chunked:
            most_bytes = self.adj.max_request_body_size - 1
            self.body_rcv = ChunkReceiver(self.body_rcv.getbuf(), most_bytes)
        self._take_target()
        if (self.chunked or self.content_length) and is_open(self.command, self.path):
            raise parser.ParsingError('no body is taken here')

    def _take_target(self):
        """Take the host of an absolute target in place of Host (RFC 9112, section 3.2.2)."""
        target = self.request_uri
        if target.startswith('/') or (target == '*' and self.command == 'OPTIONS'):
            return
        is_absolute = self.proxy_scheme in ('http', 'https') and self.proxy_netloc
        if not is_absolute or '@' in self.proxy_netloc:
            raise parser.ParsingError('Bad URI')
        self.headers['HOST'] = self.proxy_netloc
        self.path = self.path or '/'

    def received(self, data):
        """Take bytes; return how many were used."""
        if self._is_excess:
            self.fail(utilities.BadRequest('too many requests at once'))
            return len(data)
        knew_header = self.headers_finished
        used = super().received(data)
        if self.headers_finished and not self.completed and not knew_header:
            self._judge_header()
        elif self.body_rcv is not None and not self.error:
            self._judge_body()
        if self.completed:
            self.expect_continue = False  # Else waitress asks for a body that is there, or refused.
        return len(data) if self.error or self._is_refused else used

    def _judge_header(self):
        if self._door is not None:
            self._ask(lambda: self._door.admit(self))

    def _judge_body(self):
        if self.admission is False and not self.completed:
            start = self.body_rcv.getbuf().get(FORM_START_BYTES)
            if len(start) >= FORM_START_BYTES:
                self._ask(lambda: self._door.check_form_start(start))

    def _ask(self, judge):
        """Keep what is said of this request; when it is refused, nothing more of it is read."""
        try:
            self.admission = judge()
        except Refusal as refusal:
            self.admission = refusal
            self.completed = True

    @property
    def _is_refused(self):
        return isinstance(self.admission, Refusal)

    def get_body_stream(self):
        """Return the body, or nothing while it has not been received."""
        is_whole = self.completed and not self._is_refused
        return super().get_body_stream() if is_whole else io.BytesIO()

    def fail(self, error):
        """End the request with an error."""
        self.error = error
        self.completed = True


def _check_lines(header_plus):
    """Refuse folded lines, and all transfer encodings but one `chunked`."""
    if b'\r\n ' in header_plus or b'\r\n\t' in header_plus:
        raise parser.ParsingError('Folded header lines are not taken')
    encodings = _TRANSFER_ENCODING.findall(header_plus)
    if encodings and [each.strip(b' \t\r').lower() for each in encodings] != [b'chunked']:
        raise parser.ParsingError('Transfer-Encoding: only chunked is taken')
