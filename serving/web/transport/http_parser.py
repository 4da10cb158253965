"""Parse requests for waitress, and refuse some that waitress would accept.

Refused are requests that a proxy might parse differently, and those that never end.
"""

import io
import re

from waitress import parser, utilities

from serving.web.admission import FORM_START_BYTES, is_open
from serving.web.refusals import Refusal
from serving.web.transport.http_chunks import ChunkReceiver

_TRANSFER_ENCODING = re.compile(rb'^transfer-encoding *:(.*)', re.IGNORECASE | re.MULTILINE)


class RequestParser(parser.HTTPRequestParser):
    """Parses one request; `checks.admit` checks its header before the body arrives.

    A request that `is_excess`, one of too many in a pipeline, is refused unread.
    """

    def __init__(self, adj, checks=None, is_excess=False):
        super().__init__(adj)
        self._is_excess = is_excess
        # The result of `checks.admit`: True, False (the key is in the form) or a Refusal.
        self.admission = None
        self._checks = checks

    def parse_header(self, header_plus):
        """Parse a header; refuse one that a proxy might parse differently."""
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
            raise parser.ParsingError('this address takes no body')

    def _take_target(self):
        """Let the host of an absolute target replace Host (RFC 9112, section 3.2.2)."""
        target = self.request_uri
        if target.startswith('/') or (target == '*' and self.command == 'OPTIONS'):
            return
        is_absolute = self.proxy_scheme in ('http', 'https') and self.proxy_netloc
        if not is_absolute or '@' in self.proxy_netloc:
            raise parser.ParsingError('Bad URI')
        self.headers['HOST'] = self.proxy_netloc
        self.path = self.path or '/'

    def received(self, data):
        """Process bytes; return how many were used."""
        if self._is_excess:
            self.fail(utilities.BadRequest('too many requests at once'))
            return len(data)
        knew_header = self.headers_finished
        used = super().received(data)
        if self.headers_finished and not self.completed and not knew_header:
            self._check_header()
        elif self.body_rcv is not None and not self.error:
            self._check_body()
        if self.completed:
            # Otherwise waitress would ask for a body that was received or refused.
            self.expect_continue = False
        return len(data) if self.error or self._is_refused else used

    def _check_header(self):
        if self._checks is not None:
            self._run_check(lambda: self._checks.admit(self))

    def _check_body(self):
        if self.admission is False and not self.completed:
            start = self.body_rcv.getbuf().get(FORM_START_BYTES)
            if len(start) >= FORM_START_BYTES:
                self._run_check(lambda: self._checks.check_form_start(start))

    def _run_check(self, check):
        """Store the result of a check; a refused request is not read any further."""
        try:
            self.admission = check()
        except Refusal as refusal:
            self.admission = refusal
            self.completed = True

    @property
    def _is_refused(self):
        return isinstance(self.admission, Refusal)

    def get_body_stream(self):
        """Return the body, or an empty one if it was not received."""
        is_whole = self.completed and not self._is_refused
        return super().get_body_stream() if is_whole else io.BytesIO()

    def fail(self, error):
        """End the request with an error."""
        self.error = error
        self.completed = True


def _check_lines(header_plus):
    """Refuse folded lines, and all transfer encodings but one `chunked`."""
    if b'\r\n ' in header_plus or b'\r\n\t' in header_plus:
        raise parser.ParsingError('Folded header lines are not supported')
    encodings = _TRANSFER_ENCODING.findall(header_plus)
    if encodings and [each.strip(b' \t\r').lower() for each in encodings] != [b'chunked']:
        raise parser.ParsingError('Transfer-Encoding: must be chunked')
