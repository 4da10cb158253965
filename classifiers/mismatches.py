"""What to tell users whose checkpoint does not fit: the variable, both shapes, the flag to pass."""

from classifiers.model_request import NETWORK_FLAG
from common import imagenet
from common.errors import UserError
from nets import nets_factory, released

# Inception v3 as the package before TF-Slim named it.
_OLDER_NAMES = {'conv0/weights', 'conv0/BatchNorm/beta', 'logits/logits/weights'}


def shortened(names, most=8):
    """Join names, and only count what there is beyond `most`."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def refuse_older_names(path, held):
    """Refuse a checkpoint of the Inception package that came before TF-Slim."""
    if _OLDER_NAMES & held.keys():
        release = released.by_network('inception_v3')[0]
        raise UserError(
            f'{path}: has the variable names (conv0/weights) of the Inception package before '
            f'TF-Slim; use {release.checkpoint} from {release.url} instead'
        )


def require_some(path, model_name, found, held, exclude_scopes=(), network_flag=NETWORK_FLAG):
    """Refuse a checkpoint in which nothing is `found` for the network."""
    if found:
        return
    roots = sorted({name.split('/')[0] for name in held})
    candidates = [n for n, spec in nets_factory.MODELS.items() if spec.scope in roots]
    if model_name in candidates:
        advice = f'--checkpoint_exclude_scopes={",".join(exclude_scopes)} leaves nothing to restore'
    elif candidates:
        advice = f'pass {network_flag}={" or ".join(candidates)}'
    else:
        advice = f'it holds {shortened(roots) or "no variables"}'
    raise UserError(f'{path}: holds nothing for {model_name}: {advice}')


def other_classes(path, name, there, here, can_train=True):
    """Return (classes of the checkpoint, of the network) if that is all that differs, else None.

    1000 against 1001 is ImageNet with and without its background class: the head fits, as soon as
    the labels are counted in its way.
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
    anew = f' (or train a new head with --checkpoint_exclude_scopes={_scope(name)})'
    return (
        f'{path}: {name} has {there} classes in the checkpoint and {here} in the network: '
        f'{advice}{anew if can_train else ""}'
    )


def _scope(name):
    return name.rsplit('/', 1)[0]


def require_same_classes(path, name, there, here):
    """Refuse a trained head for another number of classes."""
    classes = other_classes(path, name, there, here, can_train=False)
    if classes:
        raise UserError(
            f'{path}: {name} has {classes[0]} classes in the checkpoint and {classes[1]} here: '
            'name the data set that it was trained on (--dataset_name, --dataset_dir) and its '
            '--labels_offset'
        )


def require_fit(path, wrong, can_train=True, network_flag=NETWORK_FLAG):
    """Refuse what has another shape or type: {name: ((shape, type) there, (shape, type) here)}.

    Where nothing `can_train`, the programs have no flag to leave a part out.
    """
    for name, (there, here) in wrong.items():
        more = f' ({len(wrong) - 1} more do not fit)' if len(wrong) > 1 else ''
        anew = f', or --checkpoint_exclude_scopes={_scope(name)} to train it anew'
        raise UserError(
            f'{path}: {name} is {_spelt(*there)} in the checkpoint and {_spelt(*here)} in the '
            f'network{more}: {_advice(there[0], here[0], can_train, network_flag)}'
            f'{anew if can_train else ""}'
        )


def _spelt(shape, dtype):
    return f'{"x".join(map(str, shape)) or "a scalar"} {dtype.name}'


def _advice(there, here, can_train, network_flag):
    """Guess from two shapes what the user meant."""
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
    """Refuse a checkpoint that leaves a part of the network empty."""
    if missing:
        lacks = f'lacks {len(missing)} variables of {model_name} ({shortened(missing, 2)})'
        unforgiven = ', which --ignore_missing_vars does not forgive' if can_train else ''
        anew = ', or --checkpoint_exclude_scopes for what is to be trained anew'
        raise UserError(
            f'{path}: {lacks}{unforgiven}: pass the {network_flag} that it was written by'
            f'{anew if can_train else ""}'
        )


def require_heads(path, missing):
    """Refuse a checkpoint without a head that the network has."""
    if missing:
        raise UserError(
            f'{path}: lacks {shortened(missing)}: pass --ignore_missing_vars=True, or name the '
            'scopes in --checkpoint_exclude_scopes, to train them anew'
        )


def require_same_run(path, unfit):
    """Refuse to go on with another network: {name: what differs, None if it is not there}."""
    for name, difference in unfit.items():
        found = 'not there'
        if difference:
            found = f'{_spelt(*difference[0])} there, {_spelt(*difference[1])} here'
        raise UserError(
            f'{path}: belongs to a run of another network or other classes ({name}: {found}): '
            'pass another --train_dir, or the flags of that run'
        )


def refuse_without_averages(path):
    """Refuse to use moving averages that the checkpoint does not have."""
    raise UserError(
        f'{path}: holds no moving averages; leave out --moving_average_decay, or pass '
        '--nouse_moving_averages'
    )
