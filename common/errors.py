"""The one kind of error that is a user's to mend, and how a program reports it."""

import contextlib
import functools
import os
import re
import sys


class UserError(ValueError):
    """Say in one line which flag, file or value is wrong, and what would be right."""


def reason(error):
    """Return the first line of an error that says something, whoever raised it."""
    text = getattr(error, 'message', None) or getattr(error, 'strerror', None) or str(error)
    # TensorFlow tells at length where a node was made before it says what is wrong with it.
    text = re.split("^Node: '.*'$", text, maxsplit=1, flags=re.MULTILINE)[-1]
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and line != 'Graph execution error:']
    return said[0] if said else type(error).__name__


def exit_cleanly(main):
    """Wrap a program's `main`: a UserError becomes one line on standard error and exit status 1."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            with _complete_output():
                return main(*args, **kwargs)
        except UserError as error:
            sys.exit(f'error: {error}')
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            _discard_output()  # The reader (head, less) has gone.
            sys.exit(1)

    return wrapped


@contextlib.contextmanager
def _complete_output():
    """Write what standard output still holds, while there is time to tell of a full disk."""
    ending = ''
    try:
        yield
    except OSError:
        ending = '\n'  # The error does not say which file it is about: a full one refuses again.
        raise
    finally:
        _write(ending)


def _write(ending):
    if sys.stdout is None or sys.stdout.closed:
        return
    try:
        sys.stdout.write(ending)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise UserError(f'standard output: {reason(error)}') from None


def _discard_output():
    """Throw away what standard output holds; Python would complain again while it closes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
