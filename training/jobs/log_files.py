"""What a program wrote into its log: its errors, its last line, how far it is."""

import re

# Of the lines whose form is fixed; people's own scripts match them too.
_ERROR = re.compile(r'^error: .*$', re.MULTILINE)
_STEP = re.compile(r'global step (\d+): loss = (\S+) .*')


def read(path):
    """Return the text of a log; '' for one that cannot be read."""
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
    """Return the lines with errors; the last five lines where there is none."""
    text = read(path)
    return _ERROR.findall(text) or text.splitlines()[-5:]


def progress(path):
    """Return the newest line about a step of training, or ''."""
    found = [match[0] for match in _STEP.finditer(read(path))]
    return found[-1] if found else ''


def loss_curve(text):
    """Return {step: loss} of a log; where a run was resumed, the later line of a step counts."""
    found = {int(match[1]): float(match[2]) for match in _STEP.finditer(text)}
    return dict(sorted(found.items()))
