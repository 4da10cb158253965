"""Find pictures with the same content without reading most of them."""

import collections
import contextlib
import hashlib
import os

from common import files, progress

_MANY = 5000
_TAIL_BYTES = 4096


def find_duplicates(examples):
    """Return {SHA-256: indices of the examples with this content} for all repeated content.

    Only files with the same size and the same end are read as a whole. Examples whose data is a
    function are not compared.
    """
    same_size = _groups(examples, range(len(examples)), _size)
    same_tail, same_content = [], {}
    with _progress(sum(map(len, same_size.values()))) as advance:
        for group in same_size.values():
            same_tail += _groups(examples, group, _tail, advance).values()
    for group in same_tail:
        same_content |= _groups(examples, group, content_hash)
    return same_content


@contextlib.contextmanager
def _progress(count):
    """Yield a function to call for each picture; it shows progress if there are many."""
    if count < _MANY:
        yield lambda: None
        return
    with progress.Progress(count, 'looking for copies', unit='pictures') as bar:
        yield bar.advance


def content_hash(example):
    """Return the SHA-256 of an example's content; None if it cannot be read."""
    if example.path is None:
        data = example.data if isinstance(example.data, bytes) else example.data()
        return hashlib.sha256(data).hexdigest()
    try:
        return files.digest(example.path)
    except OSError:
        return None


def _size(example):
    """Return the number of bytes; None if it is 0 or unknown, or the file cannot be read."""
    if example.path is None:
        return len(example.data) or None if isinstance(example.data, bytes) else None
    try:
        return os.path.getsize(example.path) or None
    except OSError:
        return None


def _tail(example):
    if example.path is None:
        return example.data[-_TAIL_BYTES:]
    try:
        with open(example.path, 'rb') as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES)
    except OSError:
        return None


def _groups(examples, indices, key, advance=lambda: None):
    """Return {value of `key`: indices of the examples with it} for values of several examples."""
    groups = collections.defaultdict(list)
    for index in indices:
        advance()
        if (value := key(examples[index])) is not None:
            groups[value].append(index)
    return {value: group for value, group in groups.items() if len(group) > 1}
