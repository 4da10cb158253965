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
    sizes = collections.defaultdict(list)
    for index, example in enumerate(examples):
        if size := _size(example):
            sizes[size].append(index)
    candidates = [group for group in sizes.values() if len(group) > 1]
    with _progress(sum(map(len, candidates))) as advance:
        candidates = _refine(candidates, examples, _tail, advance)
    candidates = _refine(candidates, examples, content_hash, lambda: None)
    return {content_hash(examples[group[0]]): group for group in candidates}


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
    """Return the number of bytes, or 0 if it is unknown or the file cannot be read."""
    if example.path is None:
        return len(example.data) if isinstance(example.data, bytes) else 0
    try:
        return os.path.getsize(example.path)
    except OSError:
        return 0


def _tail(example):
    if example.path is None:
        return example.data[-_TAIL_BYTES:]
    try:
        with open(example.path, 'rb') as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES)
    except OSError:
        return None


def _refine(groups, examples, key, advance):
    """Divide groups by the value of `key` for their examples, and drop groups of one."""
    refined = []
    for group in groups:
        parts = collections.defaultdict(list)
        for index in group:
            advance()
            if (value := key(examples[index])) is not None:
                parts[value].append(index)
        refined.extend(part for part in parts.values() if len(part) > 1)
    return refined
