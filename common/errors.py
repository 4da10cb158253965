"""The error for a user's mistake, and how a program reports it."""

import contextlib
import functools
import os
import re
import sys

# The packages that `scripts/setup_env.sh --serve` leaves out and the programs import.
_ONLY_FOR_TRAINING = {
    'tensorflow': 'TensorFlow',
    'tensorboard': 'TensorBoard',
    'tf_slim': 'tf-slim',
    'google_crc32c': 'google-crc32c',
    'scipy': 'SciPy',
    'sklearn': 'scikit-learn',
}


class UserError(ValueError):
    """A user's mistake: one line that names the flag or file, and what would be valid."""


def reason(error):
    """Return the first informative line of an error."""
    text = getattr(error, 'message', None) or getattr(error, 'strerror', None) or str(error)
    # TensorFlow lists where a node was created before it says what is wrong with it.
    text = re.split("^Node: '.*'$", text, maxsplit=1, flags=re.MULTILINE)[-1]
    lines = [line.strip() for line in text.splitlines()]
    said = [line for line in lines if line and line != 'Graph execution error:']
    return said[0] if said else type(error).__name__


def one_line(error, most=None):
    """Return the whole message of an error on one line, at most `most` characters of it."""
    return (' '.join(str(error).split()) or type(error).__name__)[:most]


def exit_cleanly(main):
    """Wrap a program's `main`: a UserError becomes one line on standard error and exit status 1.

    So does a package that an environment for serving does not have.
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            with _complete_output():
                return main(*args, **kwargs)
        except UserError as error:
            sys.exit(f'error: {error}')
        except ModuleNotFoundError as error:
            if error.name not in _ONLY_FOR_TRAINING:
                raise
            name = _ONLY_FOR_TRAINING[error.name]
            sys.exit(f'error: {name} is not installed; run scripts/setup_env.sh')
        except KeyboardInterrupt:
            sys.exit(130)
        except BrokenPipeError:
            _discard_output()  # The reader (head, less) has ended.
            sys.exit(1)

    return wrapped


@contextlib.contextmanager
def _complete_output():
    """Flush standard output at the end, while a full disk can still be reported."""
    ending = ''
    try:
        yield
    except OSError:
        ending = '\n'  # Writing again shows whether the error was about standard output.
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
    """Discard buffered output; otherwise Python reports the error again when it closes."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
