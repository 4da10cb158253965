"""Download a released checkpoint, and check that it is complete and fits its network."""

import dataclasses
import fnmatch
import os
import shutil

import tensorflow.compat.v1 as tf

from classifiers import build, checkpoints, model_info, restore
from classifiers.checkpoints import AVERAGE_SUFFIX
from classifiers.model_info import ModelInfo
from classifiers.published import released_archives
from common import archives, checks, files, imagenet
from common.errors import UserError
from nets import model_specs, released

_UNPACKED = '.unpacked'


def choose(name):
    """Return the Release for the name of a network, an archive or a checkpoint."""
    found = released_archives.find_release(name)
    if found:
        return found
    by_name = released_archives.by_name()
    if name in model_specs.MODELS:
        raise UserError(
            f'{name}: no checkpoint of it was ever released; train it from random weights '
            f'(scripts/train_from_scratch.sh {name} DATASET), or name one of '
            f'{", ".join(sorted(by_name))}'
        )
    known = {release.network for release in released.RELEASES.values()} | by_name.keys()
    raise UserError(checks.unknown('network or checkpoint', name, known))


def describe(release, source):
    """Return the ModelInfo of a release that was fetched from `source`."""
    return ModelInfo(
        model_name=release.network,
        num_classes=release.classes,
        image_size=release.image_size,
        channels=model_specs.get_spec(release.network).channels,
        preprocessing_name=release.preprocessing,
        class_names=imagenet.names(release.classes),
        labels_offset=release.labels_offset,
        dataset_name=imagenet.DATASET_NAME,
        weights_source=source,
    )


@dataclasses.dataclass(frozen=True)
class Fetched:
    """A checkpoint on this machine."""

    path: str
    variables: int
    is_new: bool


def fetch(release, directory, mirror=None):
    """Download, unpack and check a release into `directory`/NAME, and return a `Fetched`.

    model.json is written last: where it exists, the checkpoint is complete and was checked.
    """
    folder = released_archives.folder(release, directory)
    path = released_archives.checkpoint(release, directory)
    if released_archives.is_there(release, directory):
        return Fetched(path, check(path, model_info.read_beside(path)), False)
    archive = released_archives.fetch(release, directory, mirror)
    info = describe(release, released_archives.address(release, mirror))
    unpacked = os.path.join(folder, _UNPACKED)
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        archives.unpack(archive, unpacked)
        found = _find(unpacked, release, archive)
        count = check(found, info, of=archive)
        if any(name.endswith(AVERAGE_SUFFIX) for name in checkpoints.read_variables(found)):
            info = info.replace(moving_average_decay=release.moving_average_decay)
        _move(found, path)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    model_info.write(folder, info)
    os.unlink(archive)
    return Fetched(path, count, True)


def _find(unpacked, release, archive):
    """Return the path of the checkpoint in an unpacked archive, without the ending of a file."""
    wanted = release.packed_as or release.checkpoint
    for parent, _, names in os.walk(unpacked):
        for name in sorted(names):
            path = checkpoints.prefix_of(os.path.join(parent, name))
            is_checkpoint = '*' not in wanted or os.path.exists(f'{path}.index')
            if is_checkpoint and fnmatch.fnmatchcase(path, f'*/{wanted}'):
                return path
    raise UserError(
        f'{archive}: contains no checkpoint {wanted}, so it is another archive; delete it'
    )


def check(path, info, of=None):
    """Raise a UserError unless every tensor can be read and fits; return their number."""
    subject = of or path
    why = checkpoints.fault(path)
    if why:
        raise UserError(f'{subject}: damaged ({why}); delete it and run the command again')
    try:
        with tf.Graph().as_default():
            network = build.build(info, with_bytes=False, is_training=True).network
            plan = restore.inference(path, info.model_name, network.variables)
    except UserError as error:
        raise UserError(
            f'{subject}: not a checkpoint of {info.model_name} ({error}); '
            'delete it and run the command again'
        ) from None
    # A network may be released without the auxiliary head, which only training uses.
    auxiliary = f'{model_specs.get_spec(info.model_name).auxiliary_head}/'
    if plan.left_out and any(
        name.startswith(auxiliary) for name in checkpoints.read_variables(path)
    ):
        missing = next(iter(plan.left_out))
        raise UserError(
            f'{subject}: {missing} does not fit {info.model_name}; '
            'delete it and run the command again'
        )
    return len(plan.sources)


def _move(source, target):
    """Move the checkpoint's files to their final place, and name them like the release."""
    parent, name = os.path.split(source)
    for entry in sorted(os.listdir(parent)):
        if checkpoints.prefix_of(entry) == name:
            os.replace(os.path.join(parent, entry), target + entry.removeprefix(name))
    files.sync_directory(os.path.dirname(target))
