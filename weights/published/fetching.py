"""Download published weights, check them, and convert those of other programs.

Offers are tried one after the other until the file of one can be downloaded. Like an archive of
TF-Slim, a port appears in its folder as a checkpoint with model.json, which is written last.
"""

import contextlib
import os
import shutil

from classifiers.published import released_archives
from common import archives, download
from common.download import DownloadError
from common.errors import UserError
from weights.published import offers as offers_of
from weights.published.ports import Port

_UNPACKED = '.unpacked'


def download_first(name, offers, directory, mirror='', report=print):
    """Return the first of the offers for a name whose file is there or can be downloaded.

    Reports why the earlier ones cannot be.
    """
    reasons = []
    for offer in offers:
        try:
            released_archives.fetch(offer, directory, mirror, getattr(offer, 'expected', None))
        except DownloadError as error:
            _remove_if_empty(released_archives.folder(offer, directory))
            if len(offers) == 1:
                raise
            reasons.append(f'{offers_of.called(offer)}: {error.reasons}')
            report(reasons[-1])
        else:
            return offer
    raise UserError(
        f'{name} could not be downloaded ({"; ".join(reasons)}); name a mirror with --mirror, or '
        f'put the file at {_place(offers[0], directory)} yourself, then run the command again'
    )


def _place(offer, directory):
    return os.path.join(released_archives.folder(offer, directory), offer.file_name)


def _remove_if_empty(folder):
    with contextlib.suppress(OSError):  # The next run resumes with what is in it.
        os.rmdir(folder)


def finish(offer, directory, mirror='', report=print):
    """Check or convert a downloaded offer, and report how it differs from TF-Slim's archives.

    Return its `pretrained.Fetched`.
    """
    # Late: an offer that cannot be downloaded needs no TensorFlow.
    from classifiers.published import pretrained

    if not isinstance(offer, Port):
        return pretrained.fetch(offer, directory, mirror)
    report(f'{offer.name}: {offer.difference()}')
    path = released_archives.checkpoint(offer, directory)
    is_new = not released_archives.is_there(offer, directory)
    if is_new:
        _convert(offer, directory, mirror, report)
    info = pretrained.model_info.read_beside(path)
    return pretrained.Fetched(path, pretrained.check(path, info), is_new)


def _convert(port, directory, mirror, report):
    from weights import importing

    folder = released_archives.folder(port, directory)
    request = importing.Request(
        model_name=port.network,
        image_size=port.image_size,
        overwrite=True,  # What a killed run left has no model.json.
        weights_source=released_archives.address(port, mirror),
    )
    with source_in(port, folder, mirror) as source:
        imported = importing.import_file(source, folder, request)
    for line in imported.lines:
        report(line)


@contextlib.contextmanager
def source_in(port, folder, mirror=''):
    """Yield the path of a port's weights, downloaded into `folder`.

    They are removed at the end of a block without an error. An error about them says so.
    """
    address = released_archives.address(port, mirror)
    try:
        file = download.fetch(address, os.path.join(folder, port.file_name), port.expected)
    except DownloadError:
        _remove_if_empty(folder)
        raise
    unpacked = os.path.join(folder, _UNPACKED)
    try:
        yield _unpack(file, unpacked, port.member) if port.member else file
    except UserError as error:
        is_about_file = str(error).startswith((file, unpacked))
        advice = f'; delete {file} and run the command again' if is_about_file else ''
        raise UserError(f'{error}{advice}') from None
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    os.unlink(file)


def _unpack(archive, unpacked, member):
    """Unpack an archive, and return the path of a checkpoint in it."""
    shutil.rmtree(unpacked, ignore_errors=True)
    archives.unpack(archive, unpacked)
    for parent, _, names in os.walk(unpacked):
        if {member, f'{member}.index'} & set(names):
            return os.path.join(parent, member)
    raise UserError(f'{archive}: contains no checkpoint {member}, so it is another archive')
