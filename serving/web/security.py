"""Check host names and origins, and find the client's address behind a proxy."""

import ipaddress
from urllib.parse import urlsplit

from serving.web.refusals import Refusal

_LOOPBACK_NAMES = ('localhost', '127.0.0.1', '[::1]')
_DEFAULT_PORTS = {'http': '80', 'https': '443'}

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
    """Refuse a Host header that names another site: its owner may have pointed its name here.

    `werkzeug.sansio.utils.host_is_trusted` is no substitute: it cuts trusted names at their first
    colon, so that no IPv6 address matches, and it refuses names with an underscore, which
    container networks use.
    """
    names = {name.lower() for name in config.trusted_hosts}
    if config.is_loopback:
        names.update(_LOOPBACK_NAMES)
    if names and _name(host) not in names and host.lower() not in names:
        raise Refusal(403, 'host', 'this server does not serve this host name (--trusted_hosts)')


def _name(host):
    """Return the name in a Host header, without its port."""
    host = host.lower()
    name, colon, port = host.rpartition(':')
    return name if colon and port.isdecimal() else host


def check_origin(origin, fetch_site, host, forwarded_host=''):
    """Refuse requests that a page of another site makes a browser send.

    `origin` and `fetch_site` are the headers Origin and Sec-Fetch-Site, or None;
    `forwarded_host` is the Host header that a trusted proxy received.
    """
    if origin is None:
        foreign = fetch_site not in (None, 'none', 'same-origin')
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
    """Return a host with its port; the scheme's default port is added."""
    host = host.strip().lower()
    if _name(host) != host:
        return host
    return f'{host}:{_DEFAULT_PORTS.get(scheme, "")}'


def client_address(peer, forwarded_for, trusted_proxy):
    """Return the client's address: the peer, or the last one before it if it is the proxy."""
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
    """Tell whether two texts are the same IP address in any notation."""
    return _address(one) is not None and _address(one) == _address(other)


def _address(text):
    """Return an IP address in its normal form, or None."""
    try:
        address = ipaddress.ip_address(text.strip('[]'))
    except ValueError:
        return None
    return str(getattr(address, 'ipv4_mapped', None) or address)


def neighbourhood(address):
    """Return what counts as one client: an IPv4 address, or an IPv6 network of 2^64 addresses."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 6 and not found.ipv4_mapped:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found.ipv4_mapped or found) if found.version == 6 else str(found)
