"""Find the files of published data sets in a directory, or download them."""

import dataclasses
import os
import urllib.parse

from common import archives, download
from common.download import Expected
from common.errors import UserError

_UNKNOWN = Expected()


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A published file: its name, its addresses in order, and its size and hash."""

    name: str
    urls: tuple = ()
    expected: Expected = _UNKNOWN


def obtain(published, directory, source_url=None, report=print):
    """Return the path of a published file in `directory`; download it if it is missing.

    `source_url` replaces the known addresses: the address of the file or of its folder.
    """
    path = os.path.join(directory, published.name)
    if os.path.isfile(path):
        instead = f', not {source_url}' if source_url else ''
        report(f'Using the existing {path}{instead}.')
    elif source_url:
        download.fetch(_file_address(source_url, published.name), path)
    elif published.urls:
        advice = f'put the file at {path} yourself, or give another address (--source_url)'
        download.fetch(published.urls, path, published.expected, advice=advice)
        return path
    else:
        raise UserError(f'{path}: missing, and no address is known for it; pass --source_url')
    difference = download.mismatch(path, published.expected)
    if difference:
        report(f'{path} is not the published file ({difference}); it is used anyway.')
    return path


def _file_address(source_url, name):
    """Return the file's address; that of a folder ends in a slash or is a local directory."""
    path = download.local_path(source_url)
    if path is not None:
        return os.path.join(path, name) if os.path.isdir(path) else path
    if urllib.parse.urlsplit(source_url).path.endswith('/'):
        return urllib.parse.urljoin(source_url, name)
    return source_url


def folder(directory, names):
    """Return the first of the folders `names` that exists in `directory`, or None."""
    paths = [os.path.join(directory, name) for name in names]
    return next((path for path in paths if os.path.isdir(path)), None)


def unpacked(published, names, directory, source_url=None, report=print):
    """Return the folder in a published archive (one of `names`); unpack it if necessary."""
    found = folder(directory, names)
    if found:
        return found
    archive = obtain(published, directory, source_url, report)
    archives.unpack(archive, directory)
    found = folder(directory, names)
    if not found:
        raise UserError(f'{archive}: has no folder {" or ".join(names)}')
    return found


def find_layout(directory, names, archive_names, source_url=None, report=print):
    """Return the first existing folder of a known layout, unpacking existing archives for it.

    An archive may contain the next one. Return None if there is neither a folder nor an archive.
    """
    if source_url and not folder(directory, names):
        name = os.path.basename(urllib.parse.urlsplit(source_url).path)
        archive_names = (name, *archive_names)
        obtain(PublishedFile(name), directory, source_url, report)
    for name in archive_names:
        found = folder(directory, names)
        archive = os.path.join(directory, name)
        if not found and os.path.isfile(archive):
            report(f'Unpacking {archive}.')
            archives.unpack(archive, os.path.dirname(archive))
    return folder(directory, names)
