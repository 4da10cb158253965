"""What lies in a folder of pictures: files, litter, links, and folders that hold no picture."""

import dataclasses
import os
import stat

from common import labels
from common.errors import UserError
from pictures import kinds

_HEAD_BYTES = 512
_DEEPEST = 100
# Left behind by operating systems and file servers, never by a photographer.
_LITTER = frozenset(
    (
        'thumbs.db',
        'ehthumbs.db',
        'desktop.ini',
        'icon\r',
        '__macosx',
        '@eadir',
        '$recycle.bin',
        'lost+found',
    )
)


@dataclasses.dataclass
class Listing:
    """Files that may be pictures, and (path, reason) pairs of what is none for certain.

    `ignored` is litter that says nothing of the data's health, `refused` is damage.
    """

    files: list = dataclasses.field(default_factory=list)
    ignored: list = dataclasses.field(default_factory=list)
    refused: list = dataclasses.field(default_factory=list)

    @property
    def has_picture(self):
        """Tell whether any file begins like a picture."""
        return any(_begins_like_a_picture(path) for path in self.files)

    def require_readable(self):
        """Raise a UserError for the first file that may not be read."""
        for path in self.files:
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            except PermissionError as error:
                raise _unreadable(path, error) from None
            except OSError:
                continue

    def give_up(self, reason):
        """Return all that was found as (path, reason) pairs."""
        return [*self.ignored, *self.refused, *((path, reason) for path in self.files)]


def list_files(folder, required=True):
    """List a folder and all below it in a fixed order, links followed.

    A folder that cannot be read is a UserError, or if it is not `required`, among those refused.
    """
    listing = Listing()
    _walk(folder, listing, set(), required)
    return listing


def names_in(folder):
    """List the names in a folder; one whose pictures would be lost in silence is a UserError."""
    try:
        return _names_in(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _names_in(folder):
    names = os.listdir(folder)
    # Without the right to search a folder, all its files look as if they were not there.
    os.stat(os.path.join(folder, os.curdir))
    return sorted(names, key=os.fsencode)


def _unreadable(path, error):
    return UserError(
        f'{path}: cannot be read ({error.strerror}); give yourself the right to read it, or move it'
        ' out of the data set'
    )


def _walk(folder, listing, ancestors, required):
    try:
        identity = _identity(folder)
        names = _names_in(folder)
    except OSError as error:
        if required:
            raise _unreadable(folder, error) from None
        listing.refused.append((folder, f'folder cannot be read ({error.strerror})'))
        return
    if identity in ancestors:
        listing.refused.append((folder, 'link to a folder that it lies in'))
        return
    if len(ancestors) >= _DEEPEST:
        listing.refused.append((folder, f'more than {_DEEPEST} folders deep'))
        return
    for name in names:
        path = os.path.join(folder, name)
        if reason := litter(name):
            listing.ignored.append((path, reason))
        elif os.path.isdir(path):
            _walk(path, listing, ancestors | {identity}, required)
        elif reason := _unusable(path):
            listing.refused.append((path, reason))
        else:
            listing.files.append(path)


def litter(name):
    """Say why a file or folder of this name is no picture of the user's, or return ''."""
    if name.lower() in _LITTER or name == '.DS_Store' or name.startswith('._'):
        return 'made by the operating system'
    return 'hidden' if name.startswith('.') else ''


def _identity(path):
    state = os.stat(path)
    return state.st_dev, state.st_ino


def _unusable(path):
    """Say why a path cannot be opened as a file; a pipe would make its reader wait for ever."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return 'link to a file that is missing'
    except OSError as error:
        return f'cannot be read ({error.strerror})'
    return '' if stat.S_ISREG(mode) else 'not a regular file'


def _begins_like_a_picture(path):
    try:
        with open(path, 'rb') as stream:
            return kinds.kind_of(stream.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


def subfolders(folder):
    """List the names of a folder's visible folders, sorted as class names."""
    names = [
        name
        for name in names_in(folder)
        if not litter(name) and os.path.isdir(os.path.join(folder, name))
    ]
    return sorted(names, key=lambda name: (labels.normalised(name), os.fsencode(name)))


def loose_files(folder):
    """List what lies in a folder itself, below no subfolder of it that is visible."""
    listing = Listing()
    for name in names_in(folder):
        path = os.path.join(folder, name)
        if reason := litter(name):
            listing.ignored.append((path, reason))
        elif not os.path.isdir(path):
            listing.files.append(path)
    return listing
