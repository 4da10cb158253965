"""Find the files of published data sets in a directory, or fetch them into it."""

import dataclasses
import os
import urllib.parse

from common import archives, download
from common.download import Expected
from common.errors import UserError

_UNKNOWN = Expected()


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A file that somebody publishes: its name, the addresses in order, and what is known of it."""

    name: str
    urls: tuple = ()
    expected: Expected = _UNKNOWN


def obtain(published, directory, source_url=None, report=print):
    """Return the path of a published file: as it lies in `directory`, else freshly fetched.

    `source_url` replaces the known addresses: the file's own address, or that of its folder.
    """
    path = os.path.join(directory, published.name)
    if os.path.isfile(path):
        instead = f', not {source_url}' if source_url else ''
        report(f'Using {path}, which is there already{instead}.')
    elif source_url:
        download.fetch(_file_address(source_url, published.name), path)
    elif published.urls:
        advice = f'put the file at {path} by other means, or name another address (--source_url)'
        download.fetch(published.urls, path, published.expected, advice=advice)
        return path
    else:
        raise UserError(f'{path}: not there, and no address is known for it (--source_url)')
    difference = download.mismatch(path, published.expected)
    if difference:
        report(f'{path} is not the published file ({difference}); it is used as it is.')
    return path


def _file_address(source_url, name):
    """Complete the address of a folder: one that ends in a slash, or a directory on this disk."""
    path = download.local_path(source_url)
    if path is not None:
        return os.path.join(path, name) if os.path.isdir(path) else path
    if urllib.parse.urlsplit(source_url).path.endswith('/'):
        return urllib.parse.urljoin(source_url, name)
    return source_url


def folder(directory, names):
    """Return the first of the folders `names` that lies in `directory`, or None."""
    paths = [os.path.join(directory, name) for name in names]
    return next((path for path in paths if os.path.isdir(path)), None)


def unpacked(published, names, directory, source_url=None, report=print):
    """Return the folder that a published archive holds (one of `names`), unpacked if need be."""
    found = folder(directory, names)
    if found:
        return found
    archive = obtain(published, directory, source_url, report)
    archives.unpack(archive, directory)
    found = folder(directory, names)
    if not found:
        raise UserError(f'{archive}: holds no folder {" or ".join(names)}')
    return found


def find_layout(directory, names, archive_names, source_url=None, report=print):
    """Return the first folder of a known layout, unpacking one of the archives if it lies there.

    An archive may hold the next one. Returns None where there is neither.
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
