"""List the contents of a folder of pictures: pictures, litter, broken links, other files."""

import dataclasses
import os
import stat

from common import labels
from common.errors import UserError
from pictures import kinds

_HEAD_BYTES = 512
_DEEPEST = 100
# Created by operating systems and file servers.
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
    """Files that may be pictures, and (path, reason) pairs of files that are not.

    `ignored` holds files that nobody expects to be pictures, `refused` holds damage.
    """

    files: list = dataclasses.field(default_factory=list)
    ignored: list = dataclasses.field(default_factory=list)
    refused: list = dataclasses.field(default_factory=list)

    @property
    def has_picture(self):
        """Tell whether any file begins like a picture."""
        return any(_begins_like_a_picture(path) for path in self.files)

    def require_readable(self):
        """Raise a UserError for the first file that we have no permission to read."""
        for path in self.files:
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            except PermissionError as error:
                raise _unreadable(path, error) from None
            except OSError:
                continue

    def give_up(self, reason):
        """Return all files as (path, reason) pairs."""
        return [*self.ignored, *self.refused, *((path, reason) for path in self.files)]


def list_files(folder, required=True):
    """List all files below a folder in a fixed order, following links.

    A folder that cannot be read raises a UserError; if not `required`, it is listed as refused.
    """
    listing = Listing()
    _walk(folder, listing, set(), required)
    return listing


def names_in(folder):
    """List the names in a folder; raise a UserError if it or its files cannot be read."""
    try:
        return _names_in(folder)
    except OSError as error:
        raise _unreadable(folder, error) from None


def _names_in(folder):
    names = os.listdir(folder)
    # Without the permission to search a folder, all its files seem to be missing.
    os.stat(os.path.join(folder, os.curdir))
    return sorted(names, key=os.fsencode)


def _unreadable(path, error):
    return UserError(
        f'{path}: cannot be read ({error.strerror}); grant yourself read permission, or move it'
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
        listing.refused.append((folder, 'link to a folder that contains it'))
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
    """Say why a file or folder of this name is not one of the user's pictures, or return ''."""
    if name.lower() in _LITTER or name == '.DS_Store' or name.startswith('._'):
        return 'made by the operating system'
    return 'hidden' if name.startswith('.') else ''


def _identity(path):
    state = os.stat(path)
    return state.st_dev, state.st_ino


def _unusable(path):
    """Say why a path is not a regular file (a pipe would block its reader), or return ''."""
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
    """List the names of a folder's visible subfolders, sorted as class names."""
    names = [
        name
        for name in names_in(folder)
        if not litter(name) and os.path.isdir(os.path.join(folder, name))
    ]
    return sorted(names, key=lambda name: (labels.normalised(name), os.fsencode(name)))


def loose_files(folder):
    """List the files in a folder itself, outside its visible subfolders."""
    listing = Listing()
    for name in names_in(folder):
        path = os.path.join(folder, name)
        if reason := litter(name):
            listing.ignored.append((path, reason))
        elif not os.path.isdir(path):
            listing.files.append(path)
    return listing
