"""A small web server that can disconnect, redirect and refuse."""

import contextlib
import http.server
import threading


class Site:
    """What a server answers: `files` by path, and per path a list of mishaps for the next requests.

    A mishap is a status code, ('cut', n) to break the connection after n bytes, or
    ('redirect', address). `requests` records (path, Range header) pairs.
    """

    def __init__(self, files):
        self.files = dict(files)
        self.mishaps = {}
        self.requests = []
        self.ranges = True
        self.etag = '"first"'
        self.address = None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        site = self.server.site
        site.requests.append((self.path, self.headers.get('Range')))
        mishaps = site.mishaps.get(self.path, [])
        mishap = mishaps.pop(0) if mishaps else None
        if isinstance(mishap, int):
            return self._answer(mishap, b'no')
        if mishap and mishap[0] == 'redirect':
            return self._answer(302, b'', Location=mishap[1])
        if self.path not in site.files:
            return self._answer(404, b'nothing here')
        self._send_file(site, site.files[self.path], mishap)

    def _send_file(self, site, data, mishap):
        start, status, extra = 0, 200, {'ETag': site.etag}
        wanted = self.headers.get('Range')
        current = self.headers.get('If-Range', site.etag) == site.etag
        if wanted and site.ranges and current:
            start = int(wanted.removeprefix('bytes=').rstrip('-'))
            if start >= len(data):
                return self._answer(416, b'')
            status = 206
            extra['Content-Range'] = f'bytes {start}-{len(data) - 1}/{len(data)}'
        body = data[start:]
        if mishap and mishap[0] == 'cut':
            self._answer(status, body[: mishap[1]], length=len(body), **extra)
            self.close_connection = True
        else:
            self._answer(status, body, **extra)

    def _answer(self, status, body, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(files):
    """Serve a dictionary of paths and contents; yield the Site with its address."""
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
    server.site = site = Site(files)
    site.address = f'http://127.0.0.1:{server.server_address[1]}'
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
