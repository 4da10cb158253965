"""Check a client's key and rate limit from the request header, before the body arrives."""

import collections
import hashlib
import hmac
import re
import threading
import time

from serving.web import security
from serving.web.refusals import Refusal

# In the WSGI environment: the result of `Guard.admit`, and a time of time.monotonic().
ADMISSION_KEY = 'slim.admission'
DEADLINE_KEY = 'slim.deadline'
# The page's form sends the key before the pictures. This much of a form is read to find it.
FORM_START_BYTES = 8 * 2**10
_MOST_ADDRESSES = 10_000
_HEALTH = '/healthz'
# These have no rate limit, and a thread of their own.
HEALTH_CHECKS = frozenset({_HEALTH, '/readyz'})
_PAGE = '/'
# These need no key. All other addresses reveal something about pictures, the model or traffic.
_OPEN = frozenset({_PAGE, '/api/openapi.json', *HEALTH_CHECKS})
_STATIC = '/static/'
_READING = frozenset({'GET', 'HEAD', 'OPTIONS'})
_KEY_FIELD = re.compile(
    rb'--[^\r\n]+\r\ncontent-disposition: *form-data; *name="key"\r\n\r\n([^\r\n]*)\r\n',
    re.IGNORECASE,
)


def is_open(method, path):
    """Tell whether a request needs no key."""
    return method in _READING and (path in _OPEN or path.startswith(_STATIC))


class Guard:
    """Checks requests by their WSGI environment; `own_files` are the names of the page's files."""

    def __init__(self, config, own_files=()):
        self._config = config
        self._keys = Keys(config.api_keys)
        self._rate_limit = RateLimit(config.rate_limit)
        self._uncounted = {*HEALTH_CHECKS, *(_STATIC + name for name in own_files)}

    @property
    def needs_key(self):
        """Tell whether the API requires a key."""
        return self._keys.are_required

    def address(self, environ):
        """Return the address of the client."""
        forwarded = environ.get('HTTP_X_FORWARDED_FOR')
        proxy = self._config.trusted_proxy
        return security.client_address(environ.get('REMOTE_ADDR') or '', forwarded, proxy)

    def admit(self, environ):
        """Check a request's header; return False if the key is in the form, yet to be checked."""
        method, path = environ['REQUEST_METHOD'].upper(), environ.get('PATH_INFO', '')
        self._check_site(environ, method, path)
        if method not in _READING or path not in self._uncounted:
            self._rate_limit.check(self.address(environ))
        if is_open(method, path):
            return True
        if environ.get('HTTP_CONTENT_ENCODING', 'identity').lower() != 'identity':
            message = 'bodies with a Content-Encoding are not supported'
            raise Refusal(415, 'encoding', message)
        if self.has_key(environ):
            return True
        if path != _PAGE or method != 'POST':
            raise _without_key()
        return False

    def has_key(self, environ):
        """Tell whether a request's header has a valid key, or no key is required."""
        scheme, _, key = environ.get('HTTP_AUTHORIZATION', '').partition(' ')
        bearer = key.strip() if scheme.lower() == 'bearer' else ''
        return self._keys.match(bearer, environ.get('HTTP_X_API_KEY'))

    def check_form_key(self, key):
        """Refuse a form without a valid key."""
        if not self._keys.match(key):
            raise _without_key()

    def check_form_start(self, start):
        """Refuse a form whose first field is not a valid key, before its pictures arrive."""
        field = _KEY_FIELD.match(start)
        self.check_form_key(field.group(1).decode('utf-8', 'replace') if field else None)

    def _check_site(self, environ, method, path):
        host = environ.get('HTTP_HOST', '')
        # Load balancers check a server's health by its address and send no Host header.
        if host or path != _HEALTH:
            security.check_host(host, self._config)
        proxy = self._config.trusted_proxy
        is_proxy = security.same_address(environ.get('REMOTE_ADDR') or '', proxy)
        forwarded_host = environ.get('HTTP_X_FORWARDED_HOST', '') if is_proxy else ''
        if method not in _READING:
            origin, fetch_site = environ.get('HTTP_ORIGIN'), environ.get('HTTP_SEC_FETCH_SITE')
            security.check_origin(origin, fetch_site, host, forwarded_host)


def _without_key():
    return Refusal(401, 'key', 'a valid API key is required (Authorization: Bearer KEY)')


class Keys:
    """The API's keys; without any key the API is open."""

    def __init__(self, keys):
        self._digests = [_digest(key) for key in keys]

    @property
    def are_required(self):
        """Tell whether a request needs a key."""
        return bool(self._digests)

    def match(self, *offered):
        """Tell whether one of the `offered` texts is a valid key, or no key is required."""
        if not self._digests:
            return True
        # All digests have one length and all are compared: the time taken reveals nothing.
        matches = [
            hmac.compare_digest(_digest(key or ''), known)
            for key in offered
            for known in self._digests
        ]
        return any(matches)


def _digest(key):
    return hashlib.sha256(key.encode('utf-8', 'surrogateescape')).digest()


class RateLimit:
    """Allows each address `per_minute` requests a minute, all of them at once after a pause."""

    def __init__(self, per_minute, clock=time.monotonic):
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._left = collections.OrderedDict()  # Address -> (requests left, when that was).

    def check(self, address):
        """Count a request, and refuse it if there were too many."""
        if not self._per_minute:
            return
        rate = self._per_minute / 60
        key, now = security.neighbourhood(address), self._clock()
        with self._lock:
            left, then = self._left.pop(key, (float(self._per_minute), now))
            left = min(self._per_minute, left + (now - then) * rate)
            is_refused = left < 1
            self._left[key] = (left if is_refused else left - 1, now)
            while len(self._left) > _MOST_ADDRESSES:
                self._left.popitem(last=False)
        if is_refused:
            wait = max(1, int((1 - left) / rate + 0.999))
            message = f'more than {self._per_minute} requests a minute from this address'
            raise Refusal(429, 'rate', message, retry_after_secs=wait)
