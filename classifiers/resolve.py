"""Decide what a classifier is: flags before model.json before the tables in `nets`."""

import collections
import os

from classifiers import checkpoints
from classifiers.model_info import ModelInfo
from common import labels, names
from common.errors import UserError
from nets import nets_factory, released
from preprocessing import preprocessing_factory

DEFAULT_MODEL_NAME = 'inception_v3'


def resolve(
    stored=None,
    *,
    stored_path='model.json',
    checkpoint=None,
    warm_start=None,
    warm_start_path=None,
    model_name=None,
    dataset_name=None,
    dataset_classes=None,
    dataset_labels=None,
    labels_offset=None,
    use_grayscale=None,
    image_size=None,
    preprocessing_name=None,
    moving_average_decay=None,
    use_moving_averages=None,
):
    """Return (ModelInfo, lines for the log: what was chosen, and why).

    None stands for what was not given. `stored` is the model.json at `stored_path`; `checkpoint`
    holds this classifier's own weights; `warm_start` (a ModelInfo or None) and `warm_start_path`
    tell where training begins. `dataset_classes` counts the data set's labels from 0,
    `dataset_labels` names them.

    Network, classes, names, offset and channels are the identity: what contradicts `stored` is an
    error. All else is presentation: what was given wins.
    """
    _require_known('--model_name', 'network', model_name, nets_factory.MODELS)
    recipes = nets_factory.MODELS | preprocessing_factory.RECIPES
    _require_known('--preprocessing_name', 'preprocessing', preprocessing_name, recipes)
    given = {'model_name': model_name, 'labels_offset': labels_offset}
    if stored:
        channels = _channels(use_grayscale, stored.model_name)
        _check_identity(stored, stored_path, {**given, 'channels': channels})
        _check_classes(stored, stored_path, dataset_classes, dataset_labels)
        info, lines = stored, []
    else:
        info, lines = _identify(checkpoint, dataset_classes, dataset_labels, given, use_grayscale)
    lender = _lender(stored, stored_path, checkpoint, warm_start, warm_start_path, info.model_name)
    size, size_line = _choose('image_size', image_size, lender)
    recipe, recipe_line = _choose('preprocessing_name', preprocessing_name, lender)
    decay, decay_lines = _averages(stored, stored_path, moving_average_decay, use_moving_averages)
    info = info.replace(
        image_size=size,
        preprocessing_name=recipe,
        moving_average_decay=decay,
        dataset_name=dataset_name or info.dataset_name,
    )
    return info, [size_line, recipe_line, *decay_lines, *lines]


def _require_known(flag, kind, name, known):
    if name and name not in known:
        raise UserError(f'{flag}={name}: {names.unknown(kind, name, known)}')


def _channels(use_grayscale, model_name):
    """Return the channels that a typed flag means; a network for one, as LeNet, stays so."""
    if use_grayscale is None:
        return None
    return 1 if use_grayscale else nets_factory.get_spec(model_name).channels


_FLAGS = {
    'model_name': '--model_name={}'.format,
    'labels_offset': '--labels_offset={}'.format,
    'channels': lambda channels: '--use_grayscale' if channels == 1 else '--nouse_grayscale',
}


def _check_identity(stored, stored_path, given):
    for name, value in given.items():
        known = getattr(stored, name)
        if value is not None and value != known:
            raise UserError(
                f'{_FLAGS[name](value)} contradicts {stored_path}, where {name} is {known}; '
                'leave the flag out, or name another checkpoint'
            )


def _check_classes(stored, stored_path, count, dataset_labels):
    """Check that the data set has the classes that the network tells apart."""
    expected = stored.num_classes + stored.labels_offset
    if count is not None and count != expected:
        raise UserError(
            f'the data set has {count} classes, {stored_path} says {expected}: '
            'name the data set that belongs to the checkpoint (--dataset_name, --dataset_dir)'
        )
    for output, known in enumerate(stored.class_names if dataset_labels else ()):
        label = output + stored.labels_offset
        found = dataset_labels.get(label, known)
        if labels.normalised(found) != labels.normalised(known):
            raise UserError(
                f'class {label} is {found!r} in the data set and {known!r} in {stored_path}: '
                'name the data set that belongs to the checkpoint (--dataset_name, --dataset_dir)'
            )


def _identify(checkpoint, dataset_classes, dataset_labels, given, use_grayscale):
    """Describe a classifier that has no model.json; return that and lines for the log."""
    release = released.by_checkpoint(checkpoint) if checkpoint else None
    name = given['model_name'] or (release.network if release else DEFAULT_MODEL_NAME)
    spec = nets_factory.get_spec(name)
    # The table knows ImageNet's labels alone: 1001 with the background.
    is_imagenet = dataset_classes in (None, 1001)
    fits = release is not None and release.network == name and is_imagenet
    offset, lines = given['labels_offset'], []
    if offset is None:
        offset = release.labels_offset if fits else 0
        if offset:
            lines = [f'Using labels offset {offset} (as {release.archive} was trained)']
    if checkpoint and dataset_classes is None and not (given['model_name'] or release):
        _require_head(checkpoint, spec)
    classes = _count_classes(name, spec, checkpoint, dataset_classes, offset)
    wanted = range(offset, offset + classes)
    named = dataset_labels and all(label in dataset_labels for label in wanted)
    info = ModelInfo(
        model_name=name,
        num_classes=classes,
        class_names=tuple(dataset_labels[label] for label in wanted) if named else (),
        labels_offset=offset,
        channels=_channels(use_grayscale, name) or spec.channels,
        image_size=spec.image_size,
        preprocessing_name=spec.preprocessing,
    )
    return info, lines


def _require_head(checkpoint, spec):
    """Refuse to guess the network of a checkpoint which has not the head of that guess."""
    if head_classes(checkpoints.read_variables(checkpoint), spec) is None:
        raise UserError(
            f'{os.path.dirname(checkpoint) or "."}: no model.json beside the checkpoint: '
            'name the network with --model_name'
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
            f'{name} has no class to tell ({dataset_classes} in the data set, '
            f'--labels_offset={offset}): name a data set, or a checkpoint with a model.json'
        )
    return classes


def head_classes(variables, spec):
    """Return how many classes a checkpoint's head tells apart, or None if it has none.

    `variables` is what `checkpoints.read_variables` returns.
    """
    for name, (shape, _) in variables.items():
        if name.startswith(f'{spec.head}/') and name.endswith('/biases'):
            return shape[-1]
    return None


_Lender = collections.namedtuple('_Lender', 'image_size preprocessing_name why')


def _lender(stored, stored_path, checkpoint, warm_start, warm_start_path, model_name):
    """Return the weightiest of those who may say how pictures are presented to the network."""
    if stored:
        return _Lender(stored.image_size, stored.preprocessing_name, f'from {stored_path}')
    if warm_start and warm_start.model_name == model_name:
        why = f'as {warm_start_path} was trained'
        return _Lender(warm_start.image_size, warm_start.preprocessing_name, why)
    for path in filter(None, (checkpoint, warm_start_path)):
        release = released.by_checkpoint(path)
        if release and release.network == model_name:
            why = f'as {release.archive} was trained'
            return _Lender(release.image_size, release.preprocessing, why)
    spec = nets_factory.get_spec(model_name)
    return _Lender(spec.image_size, spec.preprocessing, f'the default of {model_name}')


def _choose(name, given, lender):
    """Return (value, line for the log)."""
    label, lent = name.removesuffix('_name').replace('_', ' '), getattr(lender, name)
    if given is None:
        return lent, f'Using {label} {lent} ({lender.why})'
    instead = '' if given == lent else f'; {lent} {lender.why}'
    return given, f'Using {label} {given} (as asked for{instead})'


def _averages(stored, stored_path, decay, use):
    known = stored.moving_average_decay if stored else None
    if use is False:
        line = f'Not using moving averages, as asked for; {stored_path} has decay {known}'
        return None, [line] if known else []
    if decay is None:
        return known, [
            f'Using moving averages (decay {known}, from {stored_path})'
        ] if known else []
    if stored and decay != known:
        instead = f'{stored_path} has {known or "none"}'
        return decay or None, [f'Using moving average decay {decay} (as asked for; {instead})']
    return decay or None, []
