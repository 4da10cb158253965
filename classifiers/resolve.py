"""Decide what a classifier is from the flags, from model.json and from the tables in `nets`."""

import dataclasses
import os

from classifiers import checkpoints
from classifiers.model_info import ModelInfo
from classifiers.model_request import StoredModel
from common import checks, imagenet, labels
from common.errors import UserError
from nets import model_specs, released
from preprocessing import recipe_names

DEFAULT_MODEL_NAME = 'inception_v3'


def resolve(
    request,
    stored=None,
    *,
    warm_start=None,
    dataset_classes=None,
    dataset_labels=None,
):
    """Return (ModelInfo, log lines that say what was chosen and why).

    `stored` is this classifier's own description and weights, `warm_start` the model that training
    starts from. `dataset_classes` is the number of the data set's labels, counted from 0;
    `dataset_labels` maps them to names.

    Network, classes, names, offset and channels are the model's identity: a request that
    contradicts the stored description is an error. In everything else the request wins.
    """
    stored, warm_start = stored or StoredModel(), warm_start or StoredModel()
    _require_known(request.network_flag, 'network', request.model_name, model_specs.MODELS)
    recipes = recipe_names.known()
    _require_known('--preprocessing_name', 'preprocessing', request.preprocessing_name, recipes)
    if stored.info:
        _check_identity(stored, request)
        _check_classes(stored, dataset_classes, dataset_labels)
        info, lines = stored.info, []
    else:
        start = warm_start.info.model_name if warm_start.info else DEFAULT_MODEL_NAME
        info, lines = _identify(request, stored.checkpoint, dataset_classes, dataset_labels, start)
    usual = _presentation(stored, warm_start, info.model_name)
    size, size_line = _choose('image_size', request, usual)
    recipe, recipe_line = _choose('preprocessing_name', request, usual)
    decay, decay_lines = _averages(stored, request)
    info = info.replace(
        image_size=size,
        preprocessing_name=recipe,
        moving_average_decay=decay,
        dataset_name=request.dataset_name or info.dataset_name,
    )
    return info, [size_line, recipe_line, *decay_lines, *lines]


def _require_known(flag, kind, name, known):
    if name and name not in known:
        raise UserError(f'{flag}={name}: {checks.unknown(kind, name, known)}')


def _channels(use_grayscale, model_name):
    """Return the channels that --use_grayscale asks for; LeNet has one channel either way."""
    if use_grayscale is None:
        return None
    return 1 if use_grayscale else model_specs.get_spec(model_name).channels


def _check_identity(stored, request):
    channels = _channels(request.use_grayscale, stored.info.model_name)
    given = (
        ('model_name', request.model_name, f'{request.network_flag}={request.model_name}'),
        ('labels_offset', request.labels_offset, f'--labels_offset={request.labels_offset}'),
        ('channels', channels, '--use_grayscale' if channels == 1 else '--nouse_grayscale'),
    )
    for name, value, flag in given:
        known = getattr(stored.info, name)
        if value is not None and value != known:
            raise UserError(
                f'{flag} contradicts {stored.path}, where {name} is {known}; '
                'leave the flag out, or name another checkpoint'
            )


def _check_classes(stored, count, dataset_labels):
    """Check that the data set has the classes that the network was trained on."""
    expected = stored.info.num_classes + stored.info.labels_offset
    if count is not None and count != expected:
        raise UserError(
            f'the data set has {count} classes, {stored.path} says {expected}: '
            'name the data set that belongs to the checkpoint (--dataset_name, --dataset_dir)'
        )
    for output, known in enumerate(stored.info.class_names if dataset_labels else ()):
        label = output + stored.info.labels_offset
        found = dataset_labels.get(label, known)
        if labels.normalised(found) != labels.normalised(known):
            raise UserError(
                f'class {label} is {found!r} in the data set and {known!r} in {stored.path}: '
                'name the data set that belongs to the checkpoint (--dataset_name, --dataset_dir)'
            )


def _identify(request, checkpoint, dataset_classes, dataset_labels, default):
    """Describe a classifier that has no model.json; return that and lines for the log.

    `default` is the network if neither the request nor a released checkpoint says which.
    """
    release = released.by_checkpoint(checkpoint) if checkpoint else None
    name = request.model_name or (release.network if release else default)
    spec = model_specs.get_spec(name)
    is_imagenet = dataset_classes in (None, imagenet.NUM_LABELS)
    fits = release is not None and release.network == name and is_imagenet
    offset, lines = request.labels_offset, []
    if offset is None:
        offset = release.labels_offset if fits else 0
        if offset:
            lines = [f'Using labels offset {offset} (as {release.archive} was trained)']
    if checkpoint and dataset_classes is None and not (request.model_name or release):
        _require_head(checkpoint, spec, request.network_flag)
    classes = _count_classes(name, spec, checkpoint, dataset_classes, offset)
    wanted = range(offset, offset + classes)
    named = dataset_labels and all(label in dataset_labels for label in wanted)
    info = ModelInfo(
        model_name=name,
        num_classes=classes,
        class_names=tuple(dataset_labels[label] for label in wanted) if named else (),
        labels_offset=offset,
        channels=_channels(request.use_grayscale, name) or spec.channels,
        image_size=spec.image_size,
        preprocessing_name=spec.preprocessing,
    )
    return info, lines


def _require_head(checkpoint, spec, network_flag):
    """Raise a UserError unless a checkpoint has the head of the default network."""
    if head_classes(checkpoints.read_variables(checkpoint), spec) is None:
        raise UserError(
            f'{os.path.dirname(checkpoint) or "."}: no model.json beside the checkpoint: '
            f'name the network with {network_flag}'
        )


def _count_classes(name, spec, checkpoint, dataset_classes, offset):
    """Return the number of the network's outputs: the data set's labels from `offset` on."""
    if dataset_classes is not None:
        classes = dataset_classes - offset
    else:
        held = checkpoints.read_variables(checkpoint) if checkpoint else {}
        classes = head_classes(held, spec)
    if not classes or classes < 1:
        raise UserError(
            f'{name} would have no classes ({dataset_classes} in the data set, '
            f'--labels_offset={offset}): name a data set, or a checkpoint with a model.json'
        )
    return classes


def head_classes(variables, spec):
    """Return the number of classes of a checkpoint's head, or None if it has no head.

    `variables` is what `checkpoints.read_variables` returns.
    """
    for name, (shape, _) in variables.items():
        if name.startswith(f'{spec.head}/') and name.endswith('/biases'):
            return shape[-1]
    return None


@dataclasses.dataclass(frozen=True)
class _Presentation:
    """How pictures are fed to a network unless the user asks for something else."""

    image_size: int
    preprocessing_name: str
    why: str


def _presentation(stored, warm_start, model_name):
    """Take the stored model's presentation, else the warm start's, a release's or the network's."""
    if stored.info:
        return _Presentation(
            stored.info.image_size, stored.info.preprocessing_name, f'from {stored.path}'
        )
    start = warm_start.info
    if start and start.model_name == model_name:
        why = f'as {warm_start.checkpoint} was trained'
        return _Presentation(start.image_size, start.preprocessing_name, why)
    for path in filter(None, (stored.checkpoint, warm_start.checkpoint)):
        release = released.by_checkpoint(path)
        if release and release.network == model_name:
            why = f'as {release.archive} was trained'
            return _Presentation(release.image_size, release.preprocessing, why)
    spec = model_specs.get_spec(model_name)
    return _Presentation(spec.image_size, spec.preprocessing, f'the default of {model_name}')


def _choose(name, request, usual):
    """Return (value, line for the log)."""
    label = name.removesuffix('_name').replace('_', ' ')
    given, default = getattr(request, name), getattr(usual, name)
    if given is None:
        return default, f'Using {label} {default} ({usual.why})'
    instead = '' if given == default else f'; {default} {usual.why}'
    return given, f'Using {label} {given} (as requested{instead})'


def _averages(stored, request):
    """Return (decay of the moving averages to use or None, lines for the log)."""
    decay = request.moving_average_decay
    known = stored.info.moving_average_decay if stored.info else None
    if request.use_moving_averages is False:
        line = f'Not using moving averages, as requested; {stored.path} has decay {known}'
        return None, [line] if known else []
    if decay is None:
        return known, [
            f'Using moving averages (decay {known}, from {stored.path})'
        ] if known else []
    if stored.info and decay != known:
        instead = f'{stored.path} has {known or "none"}'
        return decay or None, [f'Using moving average decay {decay} (as requested; {instead})']
    return decay or None, []
