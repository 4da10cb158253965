"""Who may ask: host names, origins, addresses behind a proxy, keys, and how often."""

import collections
import hashlib
import hmac
import ipaddress
import threading
import time
from urllib.parse import urlsplit

from serving.refusals import Refusal

_LOOPBACK_NAMES = ('localhost', '127.0.0.1', '[::1]')
_DEFAULT_PORTS = {'http': '80', 'https': '443'}
_MOST_ADDRESSES = 10_000

HEADERS = {
    'Content-Security-Policy': (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
    # With no-referrer browsers would call the origin of our own form null.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
}


def check_host(host, config):
    """Refuse a Host header that names another site, whose owner could have pointed it here."""
    names = {name.lower() for name in config.trusted_hosts}
    if config.is_loopback:
        names.update(_LOOPBACK_NAMES)
    if names and _name(host) not in names and host.lower() not in names:
        raise Refusal(403, 'host', 'this server does not answer for the host of this request')


def _name(host):
    """Return the name in a Host header, without its port."""
    host = host.lower()
    name, colon, port = host.rpartition(':')
    return name if colon and port.isdecimal() else host


def check_origin(method, headers, host, forwarded_host=''):
    """Refuse to change anything, or to spend time, for a page of another site.

    `forwarded_host` is what a trusted proxy says that it was asked for.
    """
    if method in ('GET', 'HEAD', 'OPTIONS'):
        return
    origin = headers.get('Origin')
    if origin is None:
        foreign = headers.get('Sec-Fetch-Site', 'none') not in ('none', 'same-origin')
    else:
        foreign = _site(origin) not in {
            _with_port(own, _scheme(origin)) for own in (host, forwarded_host) if own
        }
    if foreign:
        raise Refusal(403, 'origin', 'requests from pages of other sites are refused')


def _scheme(origin):
    """Return the scheme of an origin, or '' where it has none."""
    return origin.partition('://')[0].lower() if '://' in origin else ''


def _site(origin):
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    if not parts.scheme or not parts.netloc or parts.path or '@' in parts.netloc:
        return None
    return _with_port(parts.netloc, parts.scheme)


def _with_port(host, scheme):
    """Return a host with its port, be it the scheme's own."""
    host = host.strip().lower()
    if _name(host) != host:
        return host
    return f'{host}:{_DEFAULT_PORTS.get(scheme, "")}'


def client_address(peer, forwarded_for, trusted_proxy):
    """Return who asks: the peer, or whom a trusted proxy names as the last before itself."""
    if not trusted_proxy or not same_address(peer, trusted_proxy):
        return peer
    for entry in reversed((forwarded_for or '').split(',')):
        address = _address(entry.strip())
        if address is None:
            return peer
        if not same_address(address, trusted_proxy):
            return address
    return peer


def same_address(one, other):
    """Tell whether two texts are the same IP address, however they are written."""
    return _address(one) is not None and _address(one) == _address(other)


def _address(text):
    """Return an IP address in its one spelling, or None."""
    try:
        address = ipaddress.ip_address(text.strip('[]'))
    except ValueError:
        return None
    return str(getattr(address, 'ipv4_mapped', None) or address)


class Guard:
    """Checks a request by its headers and the address that it came from."""

    def __init__(self, config):
        self._config = config
        self._keys = Keys(config.api_keys)
        self._rate_limit = RateLimit(config.rate_limit)

    @property
    def needs_key(self):
        """Tell whether the API is behind a key."""
        return self._keys.are_required

    def address(self, peer, headers):
        """Return who asks."""
        return client_address(peer, headers.get('X-Forwarded-For'), self._config.trusted_proxy)

    def check_site(self, method, headers, peer):
        """Refuse other hosts and other origins."""
        host = headers.get('Host', '')
        check_host(host, self._config)
        is_proxy = same_address(peer, self._config.trusted_proxy)
        forwarded_host = headers.get('X-Forwarded-Host', '') if is_proxy else ''
        check_origin(method, headers, host, forwarded_host)

    def check_rate(self, address):
        """Refuse who asks too often."""
        self._rate_limit.check(address)

    def check_key(self, headers, *others):
        """Refuse a request without a key in its headers, or in what else it offers."""
        scheme, _, key = headers.get('Authorization', '').partition(' ')
        bearer = key.strip() if scheme.lower() == 'bearer' else ''
        self._keys.check(bearer, headers.get('X-API-Key'), *others)


class Keys:
    """The keys that open the API; without any it is open."""

    def __init__(self, keys):
        self._digests = [_digest(key) for key in keys]

    @property
    def are_required(self):
        """Tell whether a request needs a key."""
        return bool(self._digests)

    def check(self, *offered):
        """Refuse a request unless one of what it offers is a key."""
        if not self._digests:
            return
        # Digests are of one length, and all are compared: the time tells nothing.
        matches = [
            hmac.compare_digest(_digest(key or ''), known)
            for key in offered
            for known in self._digests
        ]
        if not any(matches):
            raise Refusal(401, 'key', 'a valid API key is required (Authorization: Bearer KEY)')


def _digest(key):
    return hashlib.sha256(key.encode('utf-8', 'surrogateescape')).digest()


class RateLimit:
    """Lets each address ask `per_minute` times a minute, and as often at once after a pause."""

    def __init__(self, per_minute, clock=time.monotonic):
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._left = collections.OrderedDict()  # Address -> (requests left, when that was).

    def check(self, address):
        """Count a request, and refuse it when there have been too many."""
        if not self._per_minute:
            return
        rate = self._per_minute / 60
        key, now = neighbourhood(address), self._clock()
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


def neighbourhood(address):
    """Return what counts as one address: a household has 2^64 of IPv6's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6 and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found.ipv4_mapped or found) if found.version == 6 else str(found)
