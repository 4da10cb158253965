"""Find the pictures that a command line names: files, folders, patterns, standard input."""

import dataclasses
import glob
import os

from common.errors import UserError
from pictures import folder_scan

STANDARD_INPUT = '-'
_NO_FILE = 'no such file'
_NO_MATCH = 'no file matches this pattern'
_EMPTY = 'no file in this folder'


@dataclasses.dataclass(frozen=True)
class PictureFile:
    """A file, and what is already known to be wrong with it."""

    path: str
    problem: str = ''


def find_pictures(arguments):
    """List the files that the arguments name, in order; those below a folder are sorted."""
    return [found for argument in arguments for found in _find_one(argument)]


def require_some(arguments):
    """Raise a UserError unless an argument names a picture or a folder that may contain one."""
    problems = [(argument, find_problem(argument)) for argument in arguments]
    if all(problem for _, problem in problems):
        raise UserError('; '.join(f'{argument}: {problem}' for argument, problem in problems))


def find_problem(argument):
    """Return why an argument names no picture, or ''; files are not opened."""
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
        # Such a pattern matches folders as well as the files in them.
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
