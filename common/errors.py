"""The one kind of error that is a user's to mend, and how a program reports it."""

import functools
import os
import sys


class UserError(ValueError):
    """Say in one line which flag, file or value is wrong, and what would be right."""


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
