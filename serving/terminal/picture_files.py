"""Read pictures from files and from standard input."""

import sys

from pictures import picture_file
from pictures.gate import BadImage
from serving.terminal.picture_arguments import STANDARD_INPUT


def read(file):
    """Return the NormalisedImage of a file; raise BadImage if it is not a good picture."""
    if file.problem:
        raise BadImage(file.problem)
    if file.path != STANDARD_INPUT:
        return picture_file.read(file.path)
    if sys.stdin is None:
        raise BadImage('standard input is closed')
    try:
        return picture_file.read_stream(sys.stdin.buffer)
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise BadImage(f'cannot be read ({reason})') from None
