"""Read the log of a program: its errors, its last line, and its progress."""

import re

# The form of these lines is fixed, because users' scripts match them too.
_ERROR = re.compile(r'^error: .*$', re.MULTILINE)
_STEP = re.compile(r'global step (\d+): loss = (\S+) .*')


def read(path):
    """Return the text of a log, or '' if it cannot be read."""
    try:
        with open(path, encoding='utf-8', errors='replace') as stream:
            return stream.read()
    except OSError:
        return ''


def last_line(path):
    """Return the last line that is not empty, or ''."""
    lines = [line.strip() for line in read(path).splitlines()]
    return next((line for line in reversed(lines) if line), '')


def complaint(path):
    """Return the lines with errors or, without any, the last five lines."""
    text = read(path)
    return _ERROR.findall(text) or text.splitlines()[-5:]


def progress(path):
    """Return the newest line about a step of training, or ''."""
    found = [match[0] for match in _STEP.finditer(read(path))]
    return found[-1] if found else ''


def loss_curve(text):
    """Return {step: loss} of a log; for a step that a resumed run repeated, the later loss."""
    found = {int(match[1]): float(match[2]) for match in _STEP.finditer(text)}
    return dict(sorted(found.items()))
