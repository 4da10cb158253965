"""Download files over HTTP, resume interrupted downloads, and verify the result."""

import contextlib
import dataclasses
import http.client
import os
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from common import files, locks
from common.errors import UserError
from common.progress import Progress

_CHUNK = 1 << 18
_FRUITLESS_ATTEMPTS = 4
_HEADERS = {'Accept-Encoding': 'identity', 'User-Agent': 'image-classifier-toolkit'}


@dataclasses.dataclass(frozen=True)
class Expected:
    """The published size and hash of a file; None for those that are not published."""

    size: int | None = None
    sha256: str | None = None  # Or its beginning, if only that is published.
    md5: str | None = None

    @property
    def has_hash(self):
        return bool(self.sha256 or self.md5)


class DownloadError(UserError):
    """No address delivered a file; `reasons` says why, address by address."""

    def __init__(self, message, reasons):
        super().__init__(message)
        self.reasons = reasons


class _DeliveryError(Exception):
    """A download failed; another address may work. `again` means that the same one may, too."""

    def __init__(self, reason, again=False):
        super().__init__(reason)
        self.again = again


def fetch(urls, path, expected=None, *, timeout=30.0, pause=1.0, advice=''):
    """Download the first of `urls` that works to `path`, which appears only once it is verified.

    An interrupted download stays in `<path>.part`, and the next call resumes it. If the file's hash
    is not known, its hash is printed.
    """
    path, expected = os.fspath(path), expected or Expected()
    urls = _addresses([urls] if isinstance(urls, str) else urls)
    if os.path.exists(path):
        verify(path, expected)
        return path
    reasons = []
    with _partial_file(path) as part:
        for url in urls:
            try:
                _fetch_from(url, part, path, expected, timeout, pause)
                return path
            except _DeliveryError as error:
                reasons.append(f'{url}: {error}')
        kept = part.size
    advice = advice or f'put the file at {path} yourself, then run the command again'
    if kept:
        advice = f'{kept:,} bytes are kept, and the next run resumes there; or {advice}'
    why = '; '.join(reasons)
    message = f'{os.path.basename(path)} could not be downloaded ({why}); {advice}'
    raise DownloadError(message, why)


def unreachable(url, timeout=5.0):
    """Return why a file cannot be downloaded, or ''; each of its addresses is asked once."""
    why = ''
    for address in _addresses([url]):
        try:
            _ask(address, timeout)
            return ''
        except (http.client.HTTPException, OSError) as error:
            why = f'{address}: {_reason(error)}'
    return why


def _ask(address, timeout):
    path = local_path(address)
    if path is None:
        _respond(urllib.request.Request(address, headers=_HEADERS), timeout).close()
    else:
        open(path, 'rb').close()


def verify(path, expected):
    """Raise a UserError unless the file at `path` has the `expected` size and hash."""
    reason = mismatch(path, expected)
    if reason:
        raise UserError(f'{path}: {reason}; delete it to download it again')


def mismatch(path, expected):
    """Say how the file at `path` differs from what is `expected`, or return None."""
    size = os.path.getsize(path)
    if expected.size is not None and size != expected.size:
        return f'{size:,} bytes; expected {expected.size:,}'
    # Some publishers give only an MD5; it finds damage, but is no protection.
    for algorithm in ('sha256', 'md5'):
        wanted = getattr(expected, algorithm)
        if wanted:
            found = files.digest(path, algorithm)
            is_same = found.startswith(wanted.lower())
            return None if is_same else f'{algorithm} {found}, expected {wanted}'
    return None


def _addresses(urls):
    """Check the addresses, and add the https form of each http address before it."""
    found = []
    for url in urls:
        parts = urllib.parse.urlsplit(url)
        known = parts.scheme in ('http', 'https') and parts.hostname
        if not known and local_path(url) is None:
            raise UserError(f'{url}: not an address (https://..., http://..., file:///...) or path')
        # An address with a port names one service, so https cannot be on the same port.
        if parts.scheme == 'http' and ':' not in parts.netloc:
            found.append(urllib.parse.urlunsplit(parts._replace(scheme='https')))
        found.append(url)
    return list(dict.fromkeys(found))


def local_path(url):
    """Return the path in a file:// address or a bare path; None for any other address."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == 'file' and parts.netloc in ('', 'localhost'):
        return urllib.request.url2pathname(parts.path)
    return None if parts.scheme else url


class _Part:
    """The bytes downloaded so far, and the file that they are part of according to the server."""

    def __init__(self, path, stream):
        self.path = path
        self.stream = stream

    @property
    def size(self):
        return os.fstat(self.stream.fileno()).st_size

    @property
    def origin(self):
        try:
            content = files.read_json(self.path + '.json')
        except UserError:
            return {}
        return content if isinstance(content, dict) else {}

    def begin(self, url, validator):
        self.stream.truncate(0)
        files.write_json(self.path + '.json', {'url': url, 'validator': validator})

    def discard(self):
        for path in (self.path, self.path + '.json'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


@contextlib.contextmanager
def _partial_file(path):
    part_path = path + '.part'
    with _open_to_append(part_path) as stream:
        if not locks.try_lock(stream):
            raise UserError(f'{part_path}: another process is downloading this file')
        part = _Part(part_path, stream)
        try:
            yield part
        finally:
            if part.size == 0:
                part.discard()


def _open_to_append(path):
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        return open(path, 'ab')
    except OSError as error:
        raise UserError(f'{path}: cannot be written ({error.strerror})') from None


def _fetch_from(url, part, path, expected, timeout, pause):
    """Complete `part` from one address, check it and move it to `path`."""
    resumed = part.size > 0
    # If the last run was killed just before the file was moved, the part is complete.
    whole = resumed and expected.has_hash and mismatch(part.path, expected) is None
    if not whole:
        _transfer_patiently(url, part, path, expected, timeout, pause)
    reason = mismatch(part.path, expected)
    if reason and resumed:
        # The older bytes may come from another version of the file: start again.
        part.stream.truncate(0)
        _transfer_patiently(url, part, path, expected, timeout, pause)
        reason = mismatch(part.path, expected)
    if reason:
        part.stream.truncate(0)
        raise _DeliveryError(reason)
    if not expected.has_hash:
        found = files.digest(part.path)
        print(f'{path}: SHA-256 {found} (no published hash is known)', file=sys.stderr)
    os.fsync(part.stream.fileno())
    os.replace(part.path, path)
    part.discard()
    files.sync_directory(os.path.dirname(os.path.abspath(path)))


def _transfer_patiently(url, part, path, expected, timeout, pause):
    """Transfer the file, resuming after each broken connection as long as some bytes arrive."""
    fruitless = 0
    while True:
        before = part.size
        try:
            return _transfer(url, part, os.path.basename(path), expected, timeout)
        except _DeliveryError as error:
            fruitless = 0 if part.size > before else fruitless + 1
            if not error.again or fruitless == _FRUITLESS_ATTEMPTS:
                raise
            time.sleep(pause * (fruitless + 1))


def _transfer(url, part, name, expected, timeout):
    try:
        with _open(url, part, expected, timeout) as (response, total):
            _check_room(part, total, expected)
            _copy(response, part, total, name)
    except urllib.error.HTTPError as error:
        error.close()
        raise _DeliveryError(f'{error.code} {error.reason}', again=error.code >= 500) from None
    except urllib.error.URLError as error:
        again = isinstance(error.reason, TimeoutError | ConnectionResetError)
        raise _DeliveryError(_reason(error), again) from None
    except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        again = not isinstance(error, http.client.InvalidURL)
        raise _DeliveryError(_reason(error), again) from None
    except OSError as error:
        raise UserError(f'{part.path}: {error.strerror or error}') from None


def _copy(response, part, total, name):
    with Progress(total, f'Downloading {name}', unit='B') as progress:
        progress.start_at(part.size)
        while chunk := response.read(_CHUNK):
            part.stream.write(chunk)
            part.stream.flush()
            progress.advance(len(chunk))
        if total is not None and part.size < total:
            reason = f'the connection broke after {part.size:,} of {total:,} bytes'
            raise _DeliveryError(reason, again=True)


def _reason(error):
    if type(error) is urllib.error.URLError:
        error = error.reason
    if isinstance(error, TimeoutError):
        return 'timed out'
    if isinstance(error, socket.gaierror):
        return 'unknown host'
    if isinstance(error, http.client.IncompleteRead):
        return 'the connection broke'
    return getattr(error, 'strerror', None) or str(error) or type(error).__name__


@contextlib.contextmanager
def _open(url, part, expected, timeout):
    """Yield a readable response that begins where `part` ends, and the size of the whole file."""
    source = local_path(url)
    if source is not None:
        try:
            with open(source, 'rb') as stream:
                part.stream.truncate(0)
                yield stream, os.fstat(stream.fileno()).st_size
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise _DeliveryError(error.strerror) from None
        return
    request = urllib.request.Request(url, headers=_headers(url, part, expected))
    try:
        response = _respond(request, timeout)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not part.size:
            raise
        # Our part is longer than the server's file.
        part.stream.truncate(0)
        request.remove_header('Range')
        response = _respond(request, timeout)
    with response:
        yield response, _begin(response, url, part)


def _respond(request, timeout):
    return urllib.request.build_opener(_NoDowngrade).open(request, timeout=timeout)


def _headers(url, part, expected):
    headers = dict(_HEADERS)
    if part.size:
        origin = part.origin
        validator = origin.get('validator') if origin.get('url') == url else None
        if validator:
            headers['If-Range'] = validator
        # Without a validator or a hash, parts of two versions could be joined unnoticed.
        if validator or expected.has_hash:
            headers['Range'] = f'bytes={part.size}-'
    return headers


def _begin(response, url, part):
    """Prepare `part` for the response, and return the size of the whole file or None."""
    headers = response.headers
    length = int(headers['Content-Length']) if headers.get('Content-Length', '').isdigit() else None
    if response.status == 206:
        span = headers.get('Content-Range', '').removeprefix('bytes ').partition('/')[0]
        if span.partition('-')[0].strip() != str(part.size):
            part.stream.truncate(0)
            raise _DeliveryError('the server sent a range that was not requested', again=True)
        return None if length is None else part.size + length
    etag = headers.get('ETag', '')
    validator = etag if etag and not etag.startswith('W/') else headers.get('Last-Modified')
    part.begin(url, validator)
    return length


def _check_room(part, total, expected):
    if total is None:
        return
    if expected.size is not None and total != expected.size:
        part.stream.truncate(0)
        raise _DeliveryError(f'has {total:,} bytes; expected {expected.size:,}')
    directory = os.path.dirname(os.path.abspath(part.path))
    free = shutil.disk_usage(directory).free
    if total - part.size > free:
        raise UserError(
            f'{directory}: needs {total - part.size:,} more bytes; the disk has {free:,} free'
        )


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follow redirections to http and https, but never from https to http."""

    def redirect_request(self, request, stream, code, message, headers, new_url):
        old, new = urllib.parse.urlsplit(request.full_url), urllib.parse.urlsplit(new_url)
        if old.scheme == 'https' and new.scheme != 'https':
            raise urllib.error.URLError(f'redirects to the unencrypted {new_url}')
        return super().redirect_request(request, stream, code, message, headers, new_url)
