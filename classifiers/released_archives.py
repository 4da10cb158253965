"""Which archive of a released checkpoint is meant, and fetching it, all before TensorFlow loads."""

import os

from classifiers import model_info
from common import download
from nets import released


def find_release(name):
    """Return the Release that a network, an archive or a checkpoint's name means, or None.

    Where a network has several, it is the one whose accuracy was published.
    """
    releases = released.by_network(name)
    if releases:
        return next((release for release in releases if release.top_1), releases[0])
    found = released.by_checkpoint(name) or by_name().get(name)
    if not found and name.endswith('.tar.gz'):
        return released.by_archive(name)
    return found


def by_name():
    """Return {name: Release} of all."""
    return {release.name: release for release in released.RELEASES.values()}


def address(release, mirror=None):
    """Return where a release is fetched from: the `mirror` is an address or a path of archives."""
    return f'{mirror.rstrip("/")}/{release.archive}' if mirror else release.url


def folder(release, directory):
    """Return where in `directory` a release is put."""
    return os.path.join(directory, release.name)


def checkpoint(release, directory):
    """Return the path of a release's checkpoint, as programs are given it."""
    return os.path.join(folder(release, directory), release.checkpoint)


def is_there(release, directory):
    """Tell whether a release was unpacked and checked: its description is written last."""
    return os.path.exists(os.path.join(folder(release, directory), model_info.FILE_NAME))


def fetch(release, directory, mirror=None):
    """Download the archive of a release unless it is there; return its path."""
    archive = os.path.join(folder(release, directory), release.archive)
    return download.fetch(address(release, mirror), archive)  # Prints the hash: none is published.
