"""The one kind of error that is a user's to mend, and how a program reports it."""

import functools
import os
import sys


class UserError(ValueError):
    """Say in one line which flag, file or value is wrong, and what would be right."""


def reason(error):
    """Return the first line of an error that says something, whoever raised it."""
    text = getattr(error, 'message', None) or getattr(error, 'strerror', None) or str(error)
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and line != 'Graph execution error:']
    return said[0] if said else type(error).__name__


def exit_cleanly(main):
    """Wrap a program's `main`: a UserError becomes one line on standard error and exit status 1."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except UserError as error:
            sys.exit(f'error: {error}')
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            # The reader (head, less) has gone; Python would complain again while it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)

    return wrapped
