"""Errors for checkpoints that do not fit: the variable, both shapes, and the flag to pass."""

from classifiers.model_request import NETWORK_FLAG
from common import imagenet
from common.errors import UserError
from nets import model_specs

# Variables of Inception v3 in the older Inception package.
_OLDER_NAMES = {'conv0/BatchNorm/beta', 'logits/logits/weights'}


def shortened(names, most=8):
    """Join at most `most` names, and count the others."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def refuse_older_names(path, held):
    """Raise UserError for a checkpoint of the older Inception package."""
    if _OLDER_NAMES & held.keys():
        raise UserError(
            f'{path}: has the variable names (conv0/weights) of the Inception package before '
            'TF-Slim; import_weights.py makes a checkpoint of inception_v3 of it'
        )


def require_some(path, model_name, found, held, exclude_scopes=(), network_flag=NETWORK_FLAG):
    """Raise UserError if nothing in a checkpoint was `found` for the network."""
    if found:
        return
    roots = sorted({name.split('/')[0] for name in held})
    candidates = model_specs.networks_of(roots)
    if model_name in candidates:
        advice = f'--checkpoint_exclude_scopes={",".join(exclude_scopes)} leaves nothing to restore'
    elif candidates:
        advice = f'pass {network_flag}={" or ".join(model_specs.without_padded_forms(candidates))}'
    else:
        advice = f'it has {shortened(roots) or "no variables"}'
    raise UserError(f'{path}: has no variables of {model_name}: {advice}')


def other_classes(path, name, there, here, can_train=True):
    """Return (classes of the checkpoint, of the network) if only these differ, otherwise None.

    1000 and 1001 are ImageNet without and with the background class. This is a UserError, because
    the head fits with another --labels_offset.
    """
    (there, _), (here, _) = there, here
    if len(there) != len(here) or there[:-1] != here[:-1] or there == here:
        return None
    classes = there[-1], here[-1]
    if None not in map(imagenet.labels_offset, classes):
        raise UserError(_about_background(path, name, *classes, can_train))
    return classes


def _about_background(path, name, there, here, can_train):
    if there == 1000:
        advice = 'pass --labels_offset=1'
    else:
        advice = 'leave out --labels_offset=1, or name a data set whose label 0 is the background'
    remedy = f' (or train a new head with --checkpoint_exclude_scopes={_scope(name)})'
    return (
        f'{path}: {name} has {there} classes in the checkpoint and {here} in the network: '
        f'{advice}{remedy if can_train else ""}'
    )


def _scope(name):
    return name.rsplit('/', 1)[0]


def require_same_classes(path, name, there, here):
    """Raise UserError for a trained head with another number of classes."""
    classes = other_classes(path, name, there, here, can_train=False)
    if classes:
        raise UserError(
            f'{path}: {name} has {classes[0]} classes in the checkpoint and {classes[1]} here: '
            'name the data set that it was trained on (--dataset_name, --dataset_dir) and its '
            '--labels_offset'
        )


def require_fit(path, wrong, can_train=True, network_flag=NETWORK_FLAG):
    """Raise UserError for {name: ((shape, type) in the checkpoint, (shape, type) in the network)}.

    Without `can_train`, the program has no flag to leave out a part of the checkpoint.
    """
    for name, (there, here) in wrong.items():
        more = f' ({len(wrong) - 1} more do not fit)' if len(wrong) > 1 else ''
        remedy = f', or --checkpoint_exclude_scopes={_scope(name)} to train it from random weights'
        raise UserError(
            f'{path}: {name} is {_spelt(*there)} in the checkpoint and {_spelt(*here)} in the '
            f'network{more}: {_advice(there[0], here[0], can_train, network_flag)}'
            f'{remedy if can_train else ""}'
        )


def _spelt(shape, dtype):
    return f'{"x".join(map(str, shape)) or "a scalar"} {dtype.name}'


def _advice(there, here, can_train, network_flag):
    """Return the flag that probably explains the difference between two shapes."""
    flags = '--train_image_size' if can_train else '--image_size or --eval_image_size'
    size = f'pass the image size that it was trained with ({flags})'
    differing = [axis for axis, (a, b) in enumerate(zip(there, here, strict=False)) if a != b]
    if len(there) != len(here) or not differing:
        return f'pass the right {network_flag}'
    if len(here) == 4 and differing == [2] and 1 in (there[2], here[2]):
        return 'pass --use_grayscale' if there[2] == 1 else 'leave out --use_grayscale'
    if (len(here) == 2 and differing == [0]) or (len(here) == 4 and differing[-1] < 2):
        return size
    return f'pass the right {network_flag}'


def require_body(path, model_name, missing, can_train=True, network_flag=NETWORK_FLAG):
    """Raise UserError for a checkpoint without a part of the network."""
    if missing:
        lacks = f'lacks {len(missing)} variables of {model_name} ({shortened(missing, 2)})'
        unforgiven = '; --ignore_missing_vars accepts only a missing head' if can_train else ''
        remedy = ', or --checkpoint_exclude_scopes for the parts to train from random weights'
        raise UserError(
            f'{path}: {lacks}{unforgiven}: pass the {network_flag} of the checkpoint'
            f'{remedy if can_train else ""}'
        )


def require_heads(path, missing):
    """Raise UserError for a checkpoint without a head of the network."""
    if missing:
        raise UserError(
            f'{path}: lacks {shortened(missing)}: pass --ignore_missing_vars=True, or name the '
            'scopes in --checkpoint_exclude_scopes, to train them from random weights'
        )


def require_same_run(path, unfit):
    """Raise UserError if a run cannot resume: {name: difference, or None if it is missing}."""
    for name, difference in unfit.items():
        found = 'missing'
        if difference:
            found = f'{_spelt(*difference[0])} there, {_spelt(*difference[1])} now'
        raise UserError(
            f'{path}: belongs to a run of another network or other classes ({name}: {found}): '
            'pass another --train_dir, or the flags of that run'
        )


def refuse_without_averages(path):
    """Raise UserError because the checkpoint has no moving averages."""
    raise UserError(
        f'{path}: has no moving averages; leave out --moving_average_decay, or pass '
        '--nouse_moving_averages'
    )
