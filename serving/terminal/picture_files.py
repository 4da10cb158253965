"""The pictures that a command line names: files, folders, patterns, standard input."""

import dataclasses
import glob
import os
import stat
import sys

from pictures import folder_scan, gate, kinds
from pictures.gate import BadImage
from preprocessing.picture_decoder import TensorFlowDecoder

STANDARD_INPUT = '-'
_NO_FILE = 'no such file'
_NO_MATCH = 'no file matches this pattern'
_EMPTY = 'no file in this folder'
_HEAD_BYTES = 4096
_MOST_BYTES = 2**30


@dataclasses.dataclass(frozen=True)
class PictureFile:
    """A file as it was found, and what is wrong with it as far as that is known already."""

    path: str
    problem: str = ''


def find(arguments):
    """List what the arguments name, in their order: folders with all below them, sorted."""
    return [found for argument in arguments for found in _find_one(argument)]


def find_problem(argument):
    """Say at a glance why an argument leads to no picture, or return ''."""
    if _is_pattern(argument):
        return '' if next(glob.iglob(argument, recursive=True), None) else _NO_MATCH
    if os.path.isdir(argument):
        try:
            with os.scandir(argument) as entries:
                return '' if next(entries, None) else _EMPTY
        except OSError as error:
            return f'folder cannot be read ({error.strerror})'
    return '' if argument == STANDARD_INPUT or os.path.exists(argument) else _NO_FILE


def _is_pattern(argument):
    is_path = argument == STANDARD_INPUT or os.path.lexists(argument)
    return not is_path and glob.has_magic(argument)


def _find_one(argument):
    if not _is_pattern(argument):
        return _find_path(argument)
    matches = sorted(glob.glob(argument, recursive=True), key=os.fsencode)
    if '**' in argument:
        # Such a pattern names folders beside what lies in them.
        matches = [match for match in matches if not os.path.isdir(match)]
    found = [found for match in matches for found in _find_path(match)]
    return found or [PictureFile(argument, _NO_MATCH)]


def _find_path(path):
    if not os.path.isdir(path):
        return [PictureFile(path)]
    listing = folder_scan.list_files(path, required=False)
    found = [PictureFile(*refused) for refused in listing.refused]
    found += [PictureFile(path) for path in listing.files]
    return sorted(found, key=lambda file: os.fsencode(file.path)) or [PictureFile(path, _EMPTY)]


def read(file):
    """Return the NormalisedImage of a file, or raise BadImage with what is wrong with it."""
    if file.problem:
        raise BadImage(file.problem)
    try:
        if file.path == STANDARD_INPUT:
            if sys.stdin is None:
                raise BadImage('standard input is closed')
            return gate.normalise(_read_stream(sys.stdin.buffer), TensorFlowDecoder())
        with open(file.path, 'rb', opener=_open_without_waiting) as stream:
            _require_file(stream)
            return gate.normalise(_read_stream(stream), TensorFlowDecoder())
    except FileNotFoundError:
        raise BadImage(_NO_FILE) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        raise BadImage(f'cannot be read ({reason})') from None


def _open_without_waiting(path, flags):
    """Open a file; a pipe that nobody writes to does not keep us."""
    return os.open(path, flags | getattr(os, 'O_NONBLOCK', 0))


def _require_file(stream):
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        raise BadImage('not a regular file')


def _read_stream(stream):
    """Read a picture; of what is none, however large, only the beginning is read."""
    head = stream.read(_HEAD_BYTES)
    if kinds.kind_of(head) is None:
        raise BadImage(kinds.why_not_a_picture(head))
    data = head + stream.read(_MOST_BYTES - len(head) + 1)
    if len(data) > _MOST_BYTES:
        raise BadImage(f'larger than {_MOST_BYTES:,} bytes')
    return data
