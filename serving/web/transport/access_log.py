"""A line in the log for each request: who, what, how large and how long, never what was in it."""

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
        text.printable(path.encode('utf-8', 'replace').decode()[:_LONGEST_PATH]),
        status,
        1000 * seconds,
        size,
        ','.join(kinds) or '-',
    )


def refused(address, status, seconds):
    """Log what was refused before it became a request of the application."""
    _log.info('%s - - %d %.1f ms - -', address, status, 1000 * seconds)
