"""Find released checkpoints by name, and download their archives, without TensorFlow.

The functions of places take a Release, or any other published file with the same properties.
"""

import os

from classifiers import model_info
from common import download
from nets import released


def find_release(name):
    """Return the Release for the name of a network, an archive or a checkpoint, or None.

    Of several releases of a network it is the one with a published accuracy.
    """
    releases = released.by_network(name)
    if releases:
        return next((release for release in releases if release.top_1), releases[0])
    found = released.by_checkpoint(name) or by_name().get(name)
    if not found and name.endswith(('.tar.gz', '.tgz')):
        return released.by_archive(name)
    return found


def by_name():
    """Return {name: Release}."""
    return {release.name: release for release in released.RELEASES.values()}


def address(release, mirror=None):
    """Return the address of a release; `mirror` is an address or a directory of archives."""
    return f'{mirror.rstrip("/")}/{release.file_name}' if mirror else release.url


def folder(release, directory):
    """Return the folder of a release in `directory`."""
    return os.path.join(directory, release.folder)


def checkpoint(release, directory):
    """Return the path of a release's checkpoint, as programs are given it."""
    return os.path.join(folder(release, directory), release.checkpoint)


def is_there(release, directory):
    """Tell whether a release was unpacked and checked; its description is written last."""
    return os.path.exists(os.path.join(folder(release, directory), model_info.FILE_NAME))


def fetch(release, directory, mirror=None, expected=None):
    """Download the file of a release unless it exists; return its path.

    Its hash is printed if none is published.
    """
    path = os.path.join(folder(release, directory), release.file_name)
    return download.fetch(address(release, mirror), path, expected)
