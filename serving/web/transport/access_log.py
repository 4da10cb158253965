"""Log a line for each request: address, path, size and time, but never its content."""

import logging

from common import text

_LONGEST_PATH = 200
_log = logging.getLogger('serving.access')


def answered(address, method, path, status, seconds, size, kinds):
    """Log an answered request; `kinds` are those of its pictures."""
    _log.info(
        '%s %s %s %d %.1f ms %d bytes %s',
        address,
        method,
        text.excerpt(path, _LONGEST_PATH),
        status,
        1000 * seconds,
        size,
        ','.join(kinds) or '-',
    )


def refused(address, status, seconds):
    """Log a request that was refused before it reached the application."""
    _log.info('%s - - %d %.1f ms - -', address, status, 1000 * seconds)
